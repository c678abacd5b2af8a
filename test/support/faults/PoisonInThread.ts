/** Handlers that harm the thread they run in; none may harm the worker's process, and `kill` harms it all the same. */
export const kill = () => process.kill(process.pid, "SIGKILL")

export const exit = () => process.exit(0)

export const endlessLoop = () => {
  for (;;);
}

/**
 * A leak of some hundred megabytes a second: what eats faster than it can be watched may take the process along
 * (`heapLimitMb`).
 */
export const heap = () => {
  const held: Array<unknown> = []
  for (;;) {
    held.push(new Array(1_000).fill(held.length))
    for (const until = performance.now() + 0.04; performance.now() < until; );
  }
}

export const hugeError = () => {
  throw new Error("x".repeat(50 * 1024 * 1024))
}

export const never = () => new Promise(() => undefined)

export const lateRejection = () => {
  setTimeout(() => void Promise.reject(new Error("too late")), 20)
  return new Promise(() => undefined)
}

export const throwsUndefined = () => {
  throw undefined
}

export const badResult = () => ({ n: "no number" })

export const unsendable = () => ({ n: () => undefined })
