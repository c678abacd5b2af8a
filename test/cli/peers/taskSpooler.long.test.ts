/**
 * The abilities of task-spooler that people use, called on both tools. `docs/guides/coming-from-task-spooler.md` is
 * held to it.
 */
import { describe, it } from "@effect/vitest"
import { type Ability, compare, inGuide, isInstalled } from "./Ability.ts"

/** A server of its own, which ends with the script. */
const spooled = (script: string): Ability["peer"] => [
  "sh",
  "-c",
  `export TS_SOCKET=$HOME/socket; trap 'tsp -K' EXIT; ${script}`
]

/** A worker in the background, which ends with the script. */
const queued = (script: string): ["sh", "-c", string] => [
  "sh",
  "-c",
  `trap 'sluice worker stop >/dev/null 2>&1' EXIT; ${script}`
]

const abilities: ReadonlyArray<Ability> = [
  {
    name: "a command runs in the background, its output is there later: tsp CMD, -c",
    peer: spooled("id=$(tsp echo hi); tsp -w $id; tsp -c $id"),
    sluice: queued("id=$(sluice add -q --start -- echo hi); sluice job wait -q $id >said; sluice job logs $id")
  },
  {
    name: "the output of the last job: -c",
    peer: spooled("tsp echo one >ids; tsp echo two >>ids; tsp -w; tsp -c"),
    sluice: queued(
      "sluice add -q --start -- echo one >ids; sluice add -q -- echo two >>ids; sluice job wait -q last >said; sluice job logs last"
    )
  },
  {
    name: "one after the other, in their order",
    peer: spooled('for i in 1 2 3; do tsp sh -c "echo $i >> out"; done >ids; tsp -w'),
    sluice: queued(
      'for i in 1 2 3; do sluice add -q --start -g one -- sh -c "echo $i >> out"; done >ids; sluice queue limit one 1 >said; sluice job wait -q last >said'
    ),
    makes: ["out"]
  },
  {
    name: "wait, with the command's exit code: -w",
    peer: spooled("id=$(tsp sh -c 'exit 3'); tsp -w $id"),
    sluice: queued("id=$(sluice add -q --start --retry 0 -- sh -c 'exit 3'); sluice job wait -q $id >said"),
    order: "unlike",
    codes: [3, 1]
  },
  {
    name: "in the foreground, with output and exit code: -f",
    peer: spooled("tsp -f sh -c 'echo out; exit 3'"),
    sluice: ["sluice", "run", "-q", "--", "sh", "-c", "echo out; exit 3"],
    order: "unlike",
    codes: [3, 3]
  },
  {
    name: "only after another ended well: -D",
    peer: spooled("a=$(tsp sh -c 'sleep 0.2; echo a >> out'); b=$(tsp -D $a sh -c 'echo b >> out'); tsp -w $b"),
    sluice: queued(
      "a=$(sluice add -q --start -- sh -c 'sleep 0.2; echo a >> out'); b=$(sluice add -q --after $a -- sh -c 'echo b >> out'); sluice job wait -q $b >said"
    ),
    makes: ["out"]
  },
  {
    name: "the running command gets SIGTERM: -k",
    peer: spooled(
      "id=$(tsp sh -c 'trap \"echo told; exit 0\" TERM; echo up > up; sleep 30 & wait'); while [ ! -s up ]; do sleep 0.05; done; tsp -k $id; tsp -w $id; tsp -c $id"
    ),
    sluice: queued(
      "id=$(sluice add -q --start -- sh -c 'trap \"echo told; exit 0\" TERM; echo up > up; sleep 30 & wait'); while [ ! -s up ]; do sleep 0.05; done; sluice job kill -s TERM $id >said 2>&1; sluice job wait -q $id >said; sluice job logs $id"
    )
  },
  {
    name: "a waiting job goes first: -u",
    peer: spooled(
      "tsp sleep 2 >ids; tsp sh -c 'echo a >> out' >>ids; id=$(tsp sh -c 'echo b >> out'); tsp -u $id; tsp -w $id; tsp -w 1"
    ),
    sluice: queued(
      "sluice queue limit one 1 >said; sluice add -q --start -g one -- sleep 8 >ids; last=$(sluice add -q -g one -- sh -c 'echo a >> out'); id=$(sluice add -q -g one -- sh -c 'echo b >> out'); sluice job edit $id -p 1 >>said; sluice job wait -q $last >said"
    ),
    makes: ["out"]
  },
  {
    name: "so many at once: -S",
    peer: spooled("tsp -S 2; tsp -S"),
    sluice: queued(
      "sluice queue limit computation 2 >said; sluice queue status --json | grep -o '\"computation\",[^,]*' | grep -o '\"limit\":[0-9]*' | cut -d: -f2"
    )
  },
  {
    name: "a label: -L",
    peer: spooled("tsp -L mylabel true >ids; tsp -w; tsp -l | grep -o mylabel | head -1"),
    sluice: queued(
      "sluice add -q --start --tag mylabel -- true >ids; sluice job wait -q last >said; sluice job ls --wide | grep -o mylabel | head -1"
    )
  },
  {
    name: "mail when it ends: -m",
    peer: spooled("true"),
    sluice: { missing: "no mail of its own: --notify runs a command per ended job, and mail(1) is one" }
  },
  {
    name: "two jobs change places: -U",
    peer: spooled("true"),
    sluice: { missing: "priorities say it: job edit ID -p 1" }
  }
]

describe.runIf(isInstalled("tsp"))("beside task-spooler", () => compare(abilities))
it.runIf(!isInstalled("tsp"))("not run: needs task-spooler (apt-get install task-spooler)", (context) => context.skip())

inGuide("coming-from-task-spooler", abilities)
