"""Who is who in PostgreSQL: a role per service, each the owner of its own database or with only the
rights it needs, none of them a superuser.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from psycopg import sql

from pipelines.base.errors import SettingsError
from pipelines.base.settings import Settings

SUPERUSER = "tidemark"  # initdb's own; locally it cannot log in
TRINO = "trino"
MLFLOW = "mlflow"
REGISTRY = "registry"

LIMITS = sql.SQL("login nosuperuser nocreatedb nocreaterole noreplication nobypassrls")
ROLE = sql.SQL("""
do $$ begin
  if {name} = (select rolname from pg_roles where oid = 10) then raise 'the role % is the superuser', {name}; end if;
  if not exists (select from pg_roles where rolname = {name}) then create role {role}; end if;
end $$
""")
# Objects that an earlier release made as the superuser; sequences of columns follow their tables.
HANDED_OVER = sql.SQL("""
do $$ declare object record; begin
  for object in
    select c.oid::regclass as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relowner <> {owner}::regrole
      and (c.relkind in ('r', 'p', 'v', 'm')
        or c.relkind = 'S' and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('a', 'i')))
  loop
    execute format('alter table %s owner to %I', object.name, {owner});
  end loop;
  for object in
    select t.oid::regtype as name from pg_type t
    where t.typnamespace = 'public'::regnamespace and t.typowner <> {owner}::regrole and t.typtype in ('e', 'd')
  loop
    execute format('alter type %s owner to %I', object.name, {owner});
  end loop;
end $$
""")


@dataclass(frozen=True)
class Role:
    """A service's role."""

    name: str
    setting: str
    password: str = field(repr=False)


def local_roles(chosen: Settings) -> list[Role]:
    """Return the roles of a local stack; raises SettingsError where one lacks its password."""
    pg = chosen.postgres
    return _complete(
        Role(pg.user, "PASSWORD", pg.password.get_secret_value()),
        Role(TRINO, "TRINO_PASSWORD", pg.trino_password.get_secret_value()),
        Role(MLFLOW, "MLFLOW_PASSWORD", pg.mlflow_password.get_secret_value()),
    )


def container_roles(chosen: Settings) -> list[Role]:
    """Return the roles in containers, where the registry has a database too."""
    password = chosen.postgres.registry_password.get_secret_value()
    return [*local_roles(chosen), *_complete(Role(REGISTRY, "REGISTRY_PASSWORD", password))]


def _complete(*roles: Role) -> list[Role]:
    missing = [f"TIDEMARK_POSTGRES__{role.setting}" for role in roles if not role.password]
    if missing:
        named = ", ".join(missing)
        raise SettingsError(f"Passwords of PostgreSQL's roles are missing, {named}: run make up, which writes them into .env.")
    return list(roles)


def databases(chosen: Settings, roles: Sequence[Role]) -> dict[str, str]:
    """Return the owner of each database that these roles have."""
    owned = {chosen.catalog.database: chosen.postgres.user, MLFLOW: MLFLOW, REGISTRY: REGISTRY}
    return {name: owner for name, owner in owned.items() if owner in {role.name for role in roles}}


def creation(chosen: Settings, roles: Sequence[Role]) -> list[str]:
    """Return the statements that make roles and databases what they are to be, again and again."""
    owned = databases(chosen, roles)
    made = [statement for role in roles for statement in _role(role)]
    made += [_text("alter database {} owner to {}", name, owner) for name, owner in owned.items()]
    made += [_text("revoke connect, temporary on database {} from public", name) for name in owned]
    made += [_text("grant connect on database {} to {}", chosen.catalog.database, TRINO)]
    return made


def creation_of(database: str) -> str:
    """Return the statement that creates a database."""
    return _text("create database {}", database)


def handing_over(owner: str) -> str:
    """Return the statement that makes a role the owner of what is in a database."""
    return HANDED_OVER.format(owner=sql.Literal(owner)).as_string(None)


def grants() -> list[str]:
    """Return the statements by which the lake's owner lets Trino use its catalogue."""
    tables = "iceberg_tables, iceberg_namespace_properties"
    return [_text(f"grant select, insert, update, delete on {tables} to {{}}", TRINO)]


def _role(role: Role) -> list[str]:
    named = {"name": sql.Literal(role.name), "role": sql.Identifier(role.name)}
    limited = sql.SQL("alter role {role} with {limits} password {password}")
    return [
        ROLE.format(**named).as_string(None),
        limited.format(role=sql.Identifier(role.name), limits=LIMITS, password=sql.Literal(role.password)).as_string(None),
    ]


def _text(statement: str, *names: str) -> str:
    return sql.SQL(statement).format(*map(sql.Identifier, names)).as_string(None)
