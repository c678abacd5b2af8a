import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ResourceGroup, TaskQueue } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { existing, groupArgument } from "../../GroupArgument.ts"
import * as JobFlags from "../../JobFlags.ts"
import { looking, writing } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import { GroupShape } from "../../../api/QueueShape.ts"
import * as HumanNumber from "../../terminal/HumanNumber.ts"
import type { Column } from "../../terminal/Table.ts"
import { limitMost } from "./limit.ts"

type Group = typeof GroupShape.Type

const isDefault = (name: string): boolean => ResourceGroup.defaults.some((group) => group.name === name)

const count = (value: number | null): string => (value === null ? "none" : HumanNumber.count(value))

const setBy: { readonly [by in Group["limitBy"]]: string } = {
  operator: "an operator",
  program: "a task or worker",
  default: "as built in"
}

const columns: ReadonlyArray<Column<Group>> = [
  { header: "group", value: ({ name }) => name },
  { header: "limit", value: ({ limit }) => count(limit), align: "right" },
  { header: "set by", value: ({ limitBy }) => setBy[limitBy] },
  { header: "declared", value: ({ declaredLimit }) => count(declaredLimit), align: "right", leaves: 1 },
  { header: "jobs", value: ({ jobs }) => HumanNumber.count(jobs), align: "right" },
  { header: "", value: ({ paused }) => (paused ? "paused" : ""), style: (cell, _, style) => style.warning(cell) }
]

const orNull = (limit: number): number | null => (limit === Number.MAX_SAFE_INTEGER ? null : limit)

const ls = Command.make(
  "ls",
  { json: JobFlags.json, wide: JobFlags.wide },
  Effect.fnUntraced(function* ({ json, wide }) {
    const out = yield* output
    const { counters, groups } = yield* TaskQueue.use((queue) => queue.stats)
    const shown = groups.map(
      ({ declaredLimit, limit, name, operatorLimit, paused }): Group => ({
        name,
        limit: orNull(limit),
        limitBy: operatorLimit !== undefined ? "operator" : isDefault(name) ? "default" : "program",
        declaredLimit: orNull(declaredLimit),
        jobs: counters.reduce((sum, one) => (one.group === name ? sum + one.count : sum), 0),
        paused
      })
    )
    if (json) return yield* Effect.forEach(shown, (group) => out.json(GroupShape, group), { discard: true })
    if (out.quiet) return yield* out.lines(shown.map(({ name }) => name))
    yield* out.table(columns, shown, { wide })
  }, looking)
).pipe(
  Command.withDescription("Lists groups: how many of their jobs run at a time, and who said so."),
  Command.withExamples([{ command: "sluice queue group ls" }])
)

const add = Command.make(
  "add",
  {
    limit: Flag.Int("limit").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription(`jobs at a time over all workers (default ${ResourceGroup.undeclaredLimit})`),
      Flag.optional
    ),
    group: groupArgument
  },
  Effect.fnUntraced(function* ({ group, limit }) {
    const out = yield* output
    const queue = yield* TaskQueue
    const asked = Option.getOrUndefined(limit)
    if (asked !== undefined && !(asked >= 1 && asked <= limitMost))
      return yield* fail("usage", `--limit is ${asked}; expected 1 to ${limitMost}`)
    if (!(yield* queue.addGroup(group)))
      return yield* fail("conflict", `group ${group} is there already; another limit: sluice queue limit ${group} N`)
    if (asked !== undefined) yield* queue.setLimit(group, asked)
    yield* out.line(
      out.quiet ? group : `group ${group} runs at most ${asked ?? ResourceGroup.undeclaredLimit} at a time`
    )
  }, writing)
).pipe(
  Command.withDescription("Makes a group, before its first job or worker would."),
  Command.withExamples([{ command: "sluice queue group add gpu --limit 2" }])
)

const rm = Command.make(
  "rm",
  { group: groupArgument },
  Effect.fnUntraced(function* ({ group }) {
    const out = yield* output
    if (isDefault(group))
      return yield* fail(
        "conflict",
        `group ${group} belongs to every store; sluice queue limit ${group} default takes back what was set`
      )
    yield* existing(group)
    if (!(yield* TaskQueue.use((queue) => queue.removeGroup(group))))
      return yield* fail(
        "conflict",
        `group ${group} has jobs, of which finished ones count; see sluice job ls -g ${group}, remove them with: sluice job rm -g ${group} --yes`
      )
    yield* out.line(out.quiet ? group : `group ${group} is removed`)
  }, looking)
).pipe(
  Command.withDescription(
    "Removes a group without jobs, with its limit, pause and order. It comes back when a job or a worker names it."
  ),
  Command.withExamples([{ command: "sluice queue group rm gpu" }])
)

export const group = Command.make("group").pipe(
  Command.withDescription("The groups themselves: list, make and remove them."),
  Command.withSubcommands([ls, add, rm])
)
