"""Every fault that the driver is held against, by number: the tests that bring it about, or why none does.

A: the daemon dies in the middle of a call. B: many callers. C: Ceph. D: the node. E: hostile or odd input.
`faults list` prints this; `faults run` runs it and prints the scorecard.
"""
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`tests`: a file below tests/, or one function in it."""

    number: str
    fault: str
    tests: tuple[str, ...] = ()
    because: str = ""  # what cannot run here, wholly or in part, and why


KILL, KILL_SNAPSHOTS, KILL_GROUPS, KILL_NODE = ("kill/test_kill.py", "kill/test_kill_snapshots.py",
                                                "kill/test_kill_groups.py", "kill_node/test_kill_node.py")
RANDOM, FENCE, CEPH, PATHS = ("faults/test_random_kills.py", "faults/test_fence.py", "faults/test_ceph.py",
                              "faults/test_paths.py")
RUNNING, REPLAY, ABUSE = "faults/test_running_io.py", "faults/test_replay.py", "faults/test_abuse.py"
FAULTS, VOLUMES, CONCURRENCY = "live/test_faults.py", "live/test_volumes.py", "live/test_concurrency.py"
PUBLISH, CONDITION, FORMAT = "node/test_publish.py", "node/test_condition.py", "node/test_format.py"

CASES = (
    Case("A1", "CreateVolume killed at every step", (f"{KILL}::test_create_volume",)),
    Case("A2", "CreateVolume from a snapshot or a volume killed at every step",
         (f"{KILL_SNAPSHOTS}::test_create_volume_from",)),
    Case("A3", "DeleteVolume killed at every step",
         (f"{KILL}::test_delete_volume", f"{KILL}::test_delete_volume_that_is_kept_for_a_while")),
    Case("A4", "ControllerExpandVolume killed at every step", (f"{KILL}::test_expand",)),
    Case("A5", "ControllerModifyVolume killed at every step", (f"{KILL}::test_modify",)),
    Case("A6", "CreateSnapshot killed at every step", (f"{KILL_SNAPSHOTS}::test_create_snapshot",)),
    Case("A7", "DeleteSnapshot killed at every step", (f"{KILL_SNAPSHOTS}::test_delete_snapshot",)),
    Case("A8", "group snapshots killed at every step", (KILL_GROUPS,)),
    Case("A9", "ControllerPublish and ControllerUnpublish killed at every step",
         (f"{KILL}::test_publish_and_unpublish",)),
    Case("A10", "NodeStageVolume killed at every step, mkfs included",
         (f"{KILL_NODE}::test_stage_of_a_blank_volume",
          f"{KILL_NODE}::test_stage_of_a_copy_whose_journal_is_replayed_for_a_reader")),
    Case("A11", "NodePublish and NodeUnpublish killed at every step",
         (f"{KILL_NODE}::test_publish_and_unpublish_on_the_node", f"{KILL_NODE}::test_publish_with_limits")),
    Case("A12", "NodeUnstageVolume killed at every step", (f"{KILL_NODE}::test_unstage",)),
    Case("A13", "NodeExpandVolume killed at every step", (f"{KILL_NODE}::test_expand_on_the_node",)),
    Case("A14", "every call that changes something killed at random instants", (RANDOM,)),
    Case("A15", "the flattener killed at random instants",
         ("live/test_flatten.py::test_a_controller_that_is_killed_while_it_flattens_loses_no_byte",)),

    Case("B1", "32 callers make one volume, and 32",
         (f"{CONCURRENCY}::test_32_callers_make_one_volume", f"{CONCURRENCY}::test_32_callers_make_32_volumes")),
    Case("B2", "the same name with another size, parameters or source",
         (f"{VOLUMES}::test_another_request_of_that_name_already_exists",)),
    Case("B3", "two controllers killed at random",
         (f"{CONCURRENCY}::test_two_controllers_killed_at_random_lose_and_leak_nothing",)),
    Case("B4", "attachments replayed, reordered and repeated at two controllers", (REPLAY,)),
    Case("B6", "many clients and pods at two controllers, calls cancelled, daemons killed; the history is checked",
         ("history/test_history.py",)),
    Case("B7", "a controller that stops in the middle of a call and goes on when another has changed the same",
         ("faults/test_races.py",)),
    Case("B5", "ten thousand probes, a thousand open streams, messages beyond 4 MiB", (ABUSE,)),

    Case("C1", "monitors unreachable, silent or stopped",
         (CEPH, f"{FAULTS}::test_an_unreachable_cluster_is_unavailable_and_names_the_monitors",
          f"{FAULTS}::test_one_unreachable_cluster_does_not_slow_the_other")),
    Case("C2", "one of three monitors down", because="the tests' Ceph has one monitor"),
    Case("C3", "OSD silent, stopped, paused by flag, slow",
         (CEPH, f"{CONDITION}::test_a_hanging_cluster_is_reported_within_seconds_and_by_one_read_only")),
    Case("C4", "pool full", (f"{FAULTS}::test_a_full_pool_is_resource_exhausted_and_deleting_still_works", CEPH)),
    Case("C5", "pool missing, or deleted while it is used",
         (CEPH, f"{FAULTS}::test_a_missing_pool_is_named_with_the_way_to_make_it")),
    Case("C6", "caps too small", (f"{FAULTS}::test_missing_caps_are_permission_denied_and_name_the_caps",)),
    Case("C7", "key wrong, missing, revoked while it is used",
         (f"{FAULTS}::test_a_wrong_key_is_unauthenticated", CEPH,
          f"{FAULTS}::test_a_missing_key_is_unauthenticated_and_says_where_it_was_looked_for")),
    Case("C8", "the controller itself blocklisted", (CEPH,)),
    Case("C9", "connections that break all the time", (CEPH,)),
    Case("C10", "header missing or unreadable, object map invalid, half-made images",
         ("live/test_condition.py::test_a_volume_whose_header_is_gone_or_unreadable_is_still_listed",
          "live/test_condition.py::test_an_invalid_object_map_is_abnormal_until_it_is_rebuilt",
          f"{VOLUMES}::test_an_image_with_data_but_without_our_record_is_never_taken")),
    Case("C11", "chains of clones that are too deep for the kernel",
         ("live/test_flatten.py::test_a_chain_of_forty_clones_is_kept_short_and_every_byte_stays",)),
    Case("C12", "manager down", (CEPH,)),
    Case("C13", "other versions of Ceph", because="make newest: Ceph 18 and 20; the tests here run on Debian's 16"),
    Case("C14", "a mirrored image that is not primary", because="needs a second cluster with rbd-mirror"),

    Case("D1", "100 ordinary moves add nothing to the blocklist",
         (f"{FENCE}::test_ordinary_moves_add_no_blocklist_entry",)),
    Case("D2", "a node frozen, cut from Ceph, or without its plugin while its volumes move",
         (f"{FENCE}::test_a_node_that_was_given_up_writes_nothing_late",)),
    Case("D3", "a node without power", (f"{FENCE}::test_a_node_without_power_loses_nothing_and_is_used_again",)),
    Case("D4", "a node frozen for longer than Ceph keeps its watches, also after an operation that took its lock",
         (f"{FENCE}::test_a_node_whose_watch_has_expired_is_fenced_by_its_lock_or_by_the_note_of_it",)),
    Case("D5", "images without exclusive-lock",
         (f"{FENCE}::test_an_image_without_exclusive_lock_gets_it_when_a_single_writer_attaches",)),
    Case("D6", "an administrator's client beside the node's",
         (f"{FENCE}::test_nobody_but_a_client_of_the_guards_node_is_fenced",)),
    Case("D7", "a node frozen between ControllerPublish and the kernel's map",
         because="Ceph has nothing to refuse it by: docs/limitations.md"),
    Case("D8", "both daemons killed, restarted and replaced under running I/O", (RUNNING,)),
    Case("D9", "what a fenced, vanished or damaged device looks like", (CONDITION,)),
    Case("D10", "unmap while somebody still uses it", (f"{PUBLISH}::test_unstage_waits_for_the_targets",)),
    Case("D11", "staging and target directories that are something else",
         (PATHS, f"{PUBLISH}::test_files_that_somebody_left_in_a_target_are_not_removed")),
    Case("D12", "a device that holds something else", (FORMAT,)),
    Case("D13", "publishing again, read-only, twice, for several", (PUBLISH,)),
    Case("D14", "a journal that was not finished", ("node/test_clones.py",)),

    Case("E1", "volume ids of nobody, of others, of a megabyte",
         (f"{VOLUMES}::test_an_id_that_names_nothing", ABUSE,
          f"{VOLUMES}::test_a_volume_of_a_cluster_that_is_not_configured_is_never_called_deleted")),
    Case("E2", "names that are long or odd", (f"{VOLUMES}::test_long_and_odd_names_are_volumes_too",)),
    Case("E3", "symlinks in paths, also put there during the call",
         (PATHS, f"{PUBLISH}::test_a_symlink_in_the_target_path_is_refused")),
    Case("E4", "secrets looked for in logs, arguments, environment, files and sysfs",
         ("live/test_secrets.py", f"{PUBLISH}::test_the_key_is_in_no_log_and_in_no_sysfs_file")),
    Case("E5", "parameters and settings misspelt",
         (f"{FAULTS}::test_a_misspelt_parameter_is_refused_with_the_nearest_name",
          f"{FAULTS}::test_a_misspelt_config_is_refused_at_start_naming_file_and_key")),
    Case("E6", "sizes that cannot be",
         (f"{VOLUMES}::test_a_size_between_the_limits_that_cannot_be_made_is_out_of_range",)),
    Case("E7", "ids, parameters, kernel texts, OSD replies and whole requests, mutated byte by byte",
         because="make fuzz: libFuzzer, not pytest"),
)


def cases_of(test: str) -> list[str]:
    """The numbers of the cases that this test, as pytest names it from tests/, belongs to."""
    name = test.split("[")[0]
    return [case.number for case in CASES if any(name == each or name.startswith(f"{each}::") for each in case.tests)]
