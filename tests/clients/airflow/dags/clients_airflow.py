"""A DAG of one task."""

from airflow.sdk import DAG, task

with DAG("clients_airflow", schedule=None):

    @task
    def orders():
        """Do nothing."""

    orders()
