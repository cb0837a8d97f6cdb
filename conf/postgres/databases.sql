-- Beside the Iceberg catalogue, which has a database of its own. Run once by the PostgreSQL container; stack/ does the same without docker.
create database mlflow;
create database registry;
