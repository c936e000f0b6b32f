"use strict";
const form = document.querySelector("form");
const sets = Array.from(document.querySelectorAll("fieldset"));
const chosen = (set) => set.querySelector("input[type=radio]:checked");
const typed = (set) => set.querySelector("input[type=text]").value.replace(/\s/g, "");

function count() {
  const done = sets.filter(chosen).length;
  document.getElementById("count").textContent = `${done} of ${sets.length} answered`;
}

form.addEventListener("change", count);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", (event) => {
  if (event.target.type !== "text") return;
  event.target.closest("fieldset").querySelector("input[value=other]").checked = true;
  count();
});

function cell(value) {
  return `"${String(value).replace(/"/g, '""')}"`;
}

function answers() {
  const rows = [["account_id", "lead_id", "answer", "answer_siren", "proposed"]];
  for (const set of sets) {
    const mark = chosen(set);
    if (!mark) continue;
    const proposed = Array.from(set.querySelectorAll("[data-siren]"), (one) => one.dataset.siren);
    const siren = mark.value === "other" ? typed(set) : mark.dataset.siren || "";
    const answer = mark.dataset.siren ? "yes" : mark.value;
    rows.push([set.dataset.account, set.dataset.lead, answer, siren, proposed.join(" ")]);
  }
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

document.getElementById("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([answers()], { type: "text/csv" }));
  link.download = "review-answers.csv";
  link.click();
  URL.revokeObjectURL(link.href);
});
