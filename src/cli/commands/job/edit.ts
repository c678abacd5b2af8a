/** `sluice job edit`: what a waiting job runs and when, by flags, by the words of another command, or in an editor. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as JobFlags from "../../JobFlags.ts"
import { looking } from "../../OpenStore.ts"

const flags = {
  job: JobFlags.jobIdArgument(),
  words: Argument.String("command").pipe(
    Argument.withDescription("of a command: the one it is to run instead, after --"),
    Argument.variadic()
  ),
  shell: Flag.Boolean("shell").pipe(
    Flag.withoutNegation,
    Flag.withDescription("run the new command through sh -c"),
    Flag.withDefault(false)
  ),
  editor: Flag.Boolean("editor").pipe(
    Flag.withoutNegation,
    Flag.withDescription("command, folder, group, tags, priority and times as JSON in $VISUAL or $EDITOR"),
    Flag.withDefault(false)
  ),
  payload: Flag.String("payload").pipe(
    Flag.withMetavar("JSON|@FILE|-"),
    Flag.withDescription("its new payload; of a command the fields that change, like command or cwd"),
    Flag.optional
  ),
  group: Flag.String("group").pipe(
    Flag.withAlias("g"),
    Flag.withMetavar("GROUP"),
    Flag.withDescription("where it waits from now on; of many jobs: sluice job move"),
    Flag.optional
  ),
  tag: Flag.String("tag").pipe(
    Flag.withMetavar("TAG"),
    Flag.withDescription("in place of those it has; may be given more than once, and '' is none"),
    Flag.atLeast(0)
  ),
  priority: Flag.Int("priority").pipe(Flag.withAlias("p"), Flag.withMetavar("1-10"), Flag.optional),
  at: JobFlags.timeFlag("at").pipe(Flag.withDescription("due at this time"), Flag.optional),
  in: JobFlags.durationFlag("in").pipe(Flag.withDescription("due this long from now; 0s is now"), Flag.optional),
  deadline: JobFlags.timeFlag("deadline").pipe(Flag.withDescription("its result is wanted by this time"), Flag.optional)
}

export type EditFlags = Command.Command.Config.Infer<typeof flags>

export const edit = Command.make(
  "edit",
  flags,
  Effect.fnUntraced(function* (config) {
    const { editJob } = yield* Effect.promise(() => import("../../job/EditJob.ts"))
    yield* editJob(config)
  }, looking)
).pipe(
  Command.withDescription("Changes what a waiting job runs, its group, tags, priority, time or deadline."),
  Command.withExamples([
    { command: "sluice job edit last -p 1 --in 0s" },
    { command: "sluice job edit last -g network --tag nightly" },
    {
      command: "sluice job edit last -- make -j2 test",
      description: "another command, in the same folder and environment"
    },
    { command: "sluice job edit last --editor", description: "all of it as JSON in $EDITOR" }
  ])
)
