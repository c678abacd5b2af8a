/** `sluice job`: everything about single jobs. */
import * as Command from "effect/cli/Command"
import { cancel } from "./job/cancel.ts"
import { edit } from "./job/edit.ts"
import { explain } from "./job/explain.ts"
import { get } from "./job/get.ts"
import { logs } from "./job/logs.ts"
import { ls } from "./job/ls.ts"
import { move } from "./job/move.ts"
import { profile } from "./job/profile.ts"
import { progress } from "./job/progress.ts"
import { retry } from "./job/retry.ts"
import { rm } from "./job/rm.ts"
import { send } from "./job/send.ts"
import { kill, pause, resume } from "./job/signal.ts"
import { snooze } from "./job/snooze.ts"
import { wait } from "./job/wait.ts"
import { watch } from "./job/watch.ts"

export const command = Command.make("job").pipe(
  Command.withDescription("Lists jobs, looks at them and changes them."),
  Command.withSubcommands([
    ls,
    get,
    wait,
    watch,
    logs,
    explain,
    cancel,
    retry,
    rm,
    edit,
    move,
    snooze,
    pause,
    resume,
    kill,
    send,
    progress,
    profile
  ])
)
