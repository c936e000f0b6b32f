CREATE TABLE labels (account_id VARCHAR, key VARCHAR, siren VARCHAR, says VARCHAR, lead_id VARCHAR, text VARCHAR, answered_at DATE, applied BOOLEAN, PRIMARY KEY (account_id, key, siren));
INSERT INTO labels (account_id, key, siren, says, lead_id, text, answered_at, applied) VALUES ('acme', 'k', '552032534', 'yes', '1', '{"company_name":"Xylophone"}', '2026-11-23', true);
