"""RGE: the qualifications without which energy renovation earns no public aid."""
