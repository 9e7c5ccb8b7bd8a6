"""Pages put together: what they read from is where the traffic goes, through every change of the configuration."""

from pathlib import Path

from fairlead.assembly.pages import paged
from fairlead.assembly.services import assemble
from fairlead.assembly.traffic import keeping
from fairlead.settings.settings import parse


async def test_a_dashboard_that_comes_with_a_reload_reads_the_store_that_is_written(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path)}
    text = "store: {{path: {}}}\ndashboard: {{enabled: {}}}\n"
    first = parse(text.format(tmp_path / "first.db", "false"), {})
    other = parse(text.format(tmp_path / "other.db", "true"), {})
    before = paged(keeping(await assemble(first, env, is_hypothetical=True), env))

    after = paged(keeping(await assemble(other, env, is_hypothetical=True, before=before), env, before), before)

    assert after.traffic is not None and after.traffic is before.traffic
    assert after.desk is not None and after.desk.store is not None
    after.desk.store.served("d1")  # the file is opened at the first question
    after.desk.close()
    after.traffic.close()
    assert not (tmp_path / "other.db").exists()
    assert (tmp_path / "first.db").exists()
