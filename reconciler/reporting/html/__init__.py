"""One self-contained page: no network, no script, nothing that a customer typed is markup."""
