/** The orders of groups, shown and set: what `queue order` does. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { GroupOrderShape, toOrderShape } from "../../api/OrderShape.ts"
import { type GroupOrder, GroupOrders, Job, Order, ResourceGroup, TaskQueue } from "../../services/Queue/index.ts"
import { fail } from "../Failure.ts"
import { existing } from "../GroupArgument.ts"
import { didYouMean } from "../input/Suggestion.ts"
import { output } from "../Output.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import { Progress, progressMode } from "../terminal/Progress.ts"
import type { Column } from "../terminal/Table.ts"

/** Fewer live jobs are ranked before a bar could be read. */
const shownFrom = 20_000

const words = [...Order.orders, "default"]

const columns: ReadonlyArray<Column<GroupOrder>> = [
  { header: "group", value: ({ group }) => group, minimum: 8 },
  { header: "order", value: ({ order }) => order },
  { header: "bound", value: ({ boundMs }) => HumanNumber.duration(boundMs), align: "right" },
  { header: "from", value: ({ from }) => from },
  {
    header: "",
    value: ({ isChanging }) => (isChanging ? "changing" : ""),
    style: (cell, _, style) => style.warning(cell)
  }
]

/** Of all groups, or of one. */
export const showOrders = (group: string | undefined, json: boolean) =>
  Effect.gen(function* () {
    const out = yield* output
    if (group !== undefined) yield* existing(group)
    const orders = yield* GroupOrders
    const { groups } = yield* TaskQueue.use((queue) => queue.stats)
    const listed = yield* orders.list
    const names =
      group === undefined
        ? new Set(
            [...ResourceGroup.defaults, ...groups].map(({ name }) => name).concat(listed.map((each) => each.group))
          )
        : [group]
    const rows: Array<GroupOrder> = []
    for (const name of [...names].sort())
      rows.push(listed.find((each) => each.group === name) ?? (yield* orders.get(name)))
    if (json) for (const row of rows) yield* out.json(GroupOrderShape, toOrderShape(row))
    else if (out.quiet) yield* out.lines(rows.map(({ order }) => order))
    else yield* out.table(columns, rows, { wide: false })
  })

export const choiceOf = (word: string, bound: Option.Option<Duration.Duration>) =>
  Effect.gen(function* () {
    const order = Order.orders.find((name) => name === word)
    if (order === undefined && word !== "default") {
      return yield* fail(
        "usage",
        `${JSON.stringify(word)} is no order; expected ${words.slice(0, -1).join(", ")} or default.${didYouMean(word, words)}`
      )
    }
    if (Option.isNone(bound)) return order === undefined ? undefined : { order }
    if (order === undefined || order === "fifo")
      return yield* fail("usage", `--bound says nothing for ${word}; leave it out`)
    const boundMs = Math.round(Duration.toMillis(bound.value))
    if (boundMs > Order.longestBoundMs) return yield* fail("usage", "--bound is at most 7 days")
    return { order, boundMs }
  })

const set = (group: string, choice: Order.OrderChoice | undefined, dryRun: boolean) =>
  Effect.gen(function* () {
    const out = yield* output
    const orders = yield* GroupOrders
    const queue = yield* TaskQueue
    const { count: expected } = yield* queue.count({ groups: [group], states: Job.liveStates })
    if (dryRun) {
      return yield* out.line(
        `would order group ${group} ${choice === undefined ? "as declared" : `by ${choice.order}`} and rank ${HumanNumber.count(expected)} live jobs anew`
      )
    }
    const order = yield* orders.set(group, choice)
    const progress = yield* Progress
    let ranked = 0
    if (order.isChanging) {
      for (;;) {
        const page = yield* orders.rankWaiting(group)
        ranked += page.ranked
        if (expected >= shownFrom)
          yield* progress.observe(group, { expected: Math.max(expected, ranked), done: ranked, failed: 0, running: 0 })
        if (!page.more) break
      }
    }
    yield* out.line(
      out.quiet
        ? order.order
        : `group ${group} goes by ${order.order}${order.from === "operator" ? "" : order.from === "declared" ? ", as declared" : " again, as groups do by default"}: a job is passed only by jobs due ${order.boundMs === 0 ? "before it" : `at most ${HumanNumber.duration(order.boundMs)} after it`}`
    )
    if (ranked > 0)
      yield* out.note(
        `${HumanNumber.count(ranked)} live ${ranked === 1 ? "job" : "jobs"} ranked anew; other processes follow within 5 s`
      )
  })

export const setOrder = (group: string, choice: Order.OrderChoice | undefined, dryRun: boolean) =>
  Effect.gen(function* () {
    const out = yield* output
    const mode = progressMode({ quiet: out.quiet, lively: out.lively })
    yield* set(group, choice, dryRun).pipe(
      Effect.provide(Progress.layer({ mode, stdout: out.stdout, stderr: out.stderr, style: out.noteStyle }))
    )
  })
