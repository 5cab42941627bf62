"""The stories: what a user does, told to a real cluster. Each module of this package has some; `ALL` is their order."""
from e2e.stories import examples, install, many, mysql, node_loss, pool, smoke, uninstall, upgrade, volume
from e2e.stories.told import Story

ALL: list[Story] = [*smoke.STORIES, *install.STORIES, *volume.STORIES, *examples.STORIES, *mysql.STORIES,
                    *many.STORIES, *upgrade.STORIES, *node_loss.STORIES, *uninstall.STORIES, *pool.STORIES]
