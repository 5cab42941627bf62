"""Both daemons killed, restarted and replaced under running writers: no error, and no pause that a writer would see."""
from typing import Callable

import csi_client
from csi_client import MIB, MODE, Controller
from pod import Pod
from scorecard import Score
from world import NodePlugin, World
from writer import Writer

SIZE = 64 * MIB
RAW = csi_client.block(MODE.SINGLE_NODE_WRITER)
# The plugin starts on the one emulated processor that the writer runs on, too.
PAUSE = 3.0


def start(plugin: NodePlugin, *, faulty: bool = False) -> None:
    plugin.start(faulty=faulty)
    plugin.wait_ready()


def test_no_writer_notices_what_happens_to_the_daemons(world: World, controller: Controller,
                                                       volume: Callable[..., str], score: Score, full: bool) -> None:
    raw = Pod(world, controller, "node1", volume("running-raw", SIZE, capability=RAW), name="raw",
              capability=RAW).start()
    files = Pod(world, controller, "node1", volume("running-files", SIZE), name="files").start()
    writers = [Writer(raw.machine, raw.target, "raw", stop=True),
               Writer(files.machine, f"{files.target}/records", "files", stop=True)]
    plugin = raw.machine.plugin
    for writer in writers:
        writer.wait_for("ok", 20)
    for number in range(10 if full else 1):
        plugin.kill()
        start(plugin)
        # Another build of the same daemon stands for its next version.
        plugin.stop()
        start(plugin, faulty=True)
        plugin.stop()
        start(plugin)
        world.controller.kill()
        world.controller.start()
        world.controller.wait_ready()
        score.trial(4)
        for pod in (raw, files):
            pod.publish()
            condition = pod.plugin.stats(pod.volume_id, pod.target).volume_condition
            assert not condition.abnormal, condition.message
        for writer in writers:
            writer.wait_for_more("ok", 10)
    for writer in writers:
        assert writer.lines("error") == []
        print(f"{writer.tag}: longest pause between two acknowledged writes {writer.longest_pause():.2f} s")
        assert writer.longest_pause() < PAUSE
        writer.end()
    raw.stop()
    files.stop()
