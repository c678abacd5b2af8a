import { type ChildProcess, spawn } from "node:child_process"
import { Effect, type Scope } from "effect"

/**
 * Reads `+ GROUP` and `- GROUP` lines. End of file means that the worker is gone, however it went: what is then on the
 * list gets SIGTERM, and SIGKILL after `$1` seconds; the folder `$2` is removed. A session of its own and deaf to the
 * signals of a terminal, it outlives whoever kills the worker.
 */
const script = `
trap '' HUP INT QUIT TERM
groups=' '
while read -r change group; do
  case $change in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
[ -z "$2" ] || rm -rf -- "$2"
for signal in TERM CONT KILL; do
  for group in $groups; do
    [ $signal = KILL ] && sleep "$1" && break
  done
  for group in $groups; do
    kill -s $signal -- "-$group"
  done
done
`

export interface ProcessWatchdog {
  /** From now on the group ends when this process does. Told in the same turn, so a crash right after it is covered. */
  readonly watch: (group: number) => void
  /** The group has ended. */
  readonly forget: (group: number) => void
}

/**
 * One shell that waits for this process to die, started with the first group to watch and again should it be killed. It
 * costs about 1 MB and no CPU. The kernel's own means, PR_SET_PDEATHSIG, cannot be reached from JavaScript, knows no
 * groups, and is Linux only.
 */
export const make = (
  graceSeconds: number,
  /** Removed when this process dies; undefined for none, when the first group is watched. */
  folder: () => string | undefined
): Effect.Effect<ProcessWatchdog, never, Scope.Scope> =>
  Effect.gen(function* () {
    const watched = new Set<number>()
    let shell: ChildProcess | undefined

    const start = () => {
      const started = spawn("/bin/sh", ["-c", script, "sluice-watchdog", String(graceSeconds), folder() ?? ""], {
        cwd: "/",
        detached: true,
        env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
        stdio: ["pipe", "ignore", "ignore"]
      })
      shell = started
      const gone = () => {
        if (shell === started) shell = undefined
      }
      started.on("error", gone)
      started.on("exit", gone)
      started.stdin.on("error", gone)
      started.unref()
      // The socket of a child is one whatever its declared type says, and must not keep this process alive.
      if ("unref" in started.stdin && typeof started.stdin.unref === "function") started.stdin.unref()
      started.stdin.write([...watched].map((group) => `+ ${group}\n`).join(""))
    }

    yield* Effect.addFinalizer(() => Effect.sync(() => shell?.stdin?.end()))

    return {
      watch: (group) => {
        watched.add(group)
        if (shell === undefined) start()
        else shell.stdin?.write(`+ ${group}\n`)
      },
      forget: (group) => {
        watched.delete(group)
        shell?.stdin?.write(`- ${group}\n`)
      }
    }
  })
