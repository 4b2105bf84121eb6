"""What audits cost: twenty over one large table, beside dbt's tests, and forty in a pipeline."""
