/**
 * Lanes: names under which commands are enqueued for one process. A worker claims only the jobs of tasks it knows, so
 * jobs under a name of their own are run by whoever serves that name. Numbers are reused (see `PrivateLane`), so there
 * are never more names than commands at work at the same time.
 */

/** The name commands are enqueued under for any worker. */
export const shellTaskName = "shell"

const prefix = `${shellTaskName}/`

export const laneName = (lane: number): string => `${prefix}${lane}`

/** The number of a lane's task name; undefined for other tasks. */
export const laneOf = (task: string): number | undefined => {
  const number = task.startsWith(prefix) ? Number(task.slice(prefix.length)) : Number.NaN
  return Number.isSafeInteger(number) && number > 0 ? number : undefined
}

export const isShellTask = (task: string): boolean => task === shellTaskName || laneOf(task) !== undefined
