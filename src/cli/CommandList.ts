/** The name of every command with the line that `--help` shows, in the order in which it shows them. */
export const commandList = [
  {
    group: "Do work",
    commands: [
      {
        name: "run",
        summary: "run a command as a job, wait for it, pass its exit code on"
      },
      {
        name: "add",
        summary: "put a command into the queue and print the job's id"
      },
      {
        name: "map",
        summary: "one job per line or argument, so many at a time, resumable"
      },
      {
        name: "enqueue",
        summary: "enqueue a typed task of your own module"
      },
      {
        name: "worker",
        summary: "run jobs: here, in the background, or many processes"
      }
    ]
  },
  {
    group: "Look and change",
    commands: [
      {
        name: "top",
        summary: "a live screen: groups, jobs, workers, alerts; keys to cancel, retry, pause, follow"
      },
      {
        name: "job",
        summary: "list, look at, watch, explain, cancel, retry and edit jobs"
      },
      {
        name: "queue",
        summary: "status, statistics, pause, resume, limits, order"
      },
      { name: "dlq", summary: "jobs that gave up: list, redrive, remove" },
      {
        name: "batch",
        summary: "batches: what they cost, the size that pays"
      },
      {
        name: "profile",
        summary: "profile workers, name bottlenecks, keep baselines and check them"
      },
      {
        name: "memory",
        summary: "what workers use of their memory; collect garbage"
      },
      {
        name: "scale",
        summary: "slots ahead of the load: forecast, backtest, decisions, settings"
      },
      {
        name: "alert",
        summary: "what is wrong, by which rules, who is told"
      }
    ]
  },
  {
    group: "The store and this machine",
    commands: [
      {
        name: "db",
        summary: "migrate, back up, restore, check, copy and query the store"
      },
      {
        name: "doctor",
        summary: "check this machine, the store and the workers"
      },
      {
        name: "config",
        summary: "the settings in force and where each comes from"
      },
      {
        name: "completions",
        summary: "completion for bash, zsh or fish"
      }
    ]
  },
  {
    group: "See it work",
    commands: [
      {
        name: "demo",
        summary: "hash, compress, count and fetch the files of this folder"
      },
      { name: "bench", summary: "measure the queue on this machine" },
      {
        name: "soak",
        summary: "a day of load, by the clock or as fast as it goes, judged for leaks and losses"
      }
    ]
  }
] as const

export type CommandName = (typeof commandList)[number]["commands"][number]["name"]

export const commandNames: ReadonlyArray<CommandName> = commandList.flatMap(({ commands }) =>
  commands.map(({ name }) => name)
)
