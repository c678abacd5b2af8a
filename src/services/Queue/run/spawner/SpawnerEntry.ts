/**
 * The process that starts commands for another one, and ends them when that one dies: it loads in milliseconds, and
 * what the kernel copies for each start is its small heap. Loads nothing of Effect.
 *
 * In a session of its own it hears nothing of a terminal; it is deaf to the signals with which people and service
 * managers end a whole tree of processes, since whom it serves may still need it to finish in peace. While that one is
 * merely stopped it does nothing. Once that one is gone, however it went, every group gets SIGTERM and, after the grace
 * of the second argument, SIGKILL; the folder of the first is removed.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync, rmSync } from "node:fs"
import { Socket } from "node:net"
import { RememberedSearch } from "../ProgramSearch.ts"
import {
  encode,
  type FromSpawner,
  protocolVersion,
  reader,
  type StartRequest,
  type ToSpawner
} from "./SpawnerMessage.ts"

const [folder, graceMillis] = [process.argv[2]!, Number(process.argv[3])]

/** Groups to end with the served process, by the number of their start. */
const groups = new Map<number, number>()
const programs = new RememberedSearch()
const channel = new Socket({ fd: 3, readable: true, writable: true })

const tell = (message: FromSpawner): void => {
  channel.write(encode(message))
}

const spawnWith = (request: StartRequest, stdio: ReadonlyArray<number>): ChildProcess => {
  const { args, cwd, env, file, umask } = request
  process.umask(umask)
  return spawn(programs.lookUp(file, env["PATH"], performance.now()), args, {
    argv0: file,
    cwd,
    // Made by whom it serves, without the secrets that no command is given.
    env,
    detached: true,
    stdio: [...stdio]
  })
}

const refused = (id: number, error: unknown): void => {
  const { code, message, syscall } = error as NodeJS.ErrnoException
  tell({ type: "refused", id, code: code ?? "EUNKNOWN", syscall: syscall ?? "", message: message ?? String(error) })
}

const start = (request: StartRequest, isRepeated = false): void => {
  const { id } = request
  const stdio: Array<number> = []
  try {
    stdio.push(openSync(request.stdin, "r"), openSync(request.stdout, "w"), openSync(request.stderr, "w"))
    const startedAt = performance.now()
    const child = spawnWith(request, stdio)
    const { pid } = child
    if (pid === undefined) {
      child.once("error", (error: NodeJS.ErrnoException) => {
        programs.forget()
        if (error.code === "ENOENT" && !isRepeated) start(request, true)
        else refused(id, error)
      })
      return
    }
    groups.set(id, pid)
    tell({ type: "started", id, pid })
    child.once("exit", (exitCode, signal) => {
      const durationMs = performance.now() - startedAt
      const isAlone = !isThere(pid)
      if (isAlone) groups.delete(id)
      tell({ type: "ended", id, isAlone, exitCode, signal, durationMs })
    })
  } catch (error) {
    refused(id, error)
  } finally {
    stdio.forEach(closeSync)
  }
}

/** Whether the group has a process, which then gets the signal; zombies and those of another user count. */
const isThere = (group: number, name: NodeJS.Signals | 0 = 0): boolean => {
  try {
    process.kill(-group, name)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const signal = (name: NodeJS.Signals | 0): boolean => {
  let isAnyThere = false
  for (const group of groups.values()) if (isThere(group, name)) isAnyThere = true
  return isAnyThere
}

const end = (): void => {
  rmSync(folder, { recursive: true, force: true })
  process.exit()
}

const orphaned = (): void => {
  signal("SIGTERM")
  // A stopped process takes no other signal until it is continued.
  signal("SIGCONT")
  const killAt = performance.now() + graceMillis
  setInterval(() => {
    if (performance.now() >= killAt) signal("SIGKILL")
    else if (signal(0)) return
    end()
  }, 50)
}

const hear = (message: ToSpawner): void => {
  switch (message.type) {
    case "start":
      return start(message)
    case "forget":
      groups.delete(message.id)
      return
    case "quit":
      return process.exit()
  }
}

for (const name of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGTSTP"] as const) process.on(name, () => {})
channel.setEncoding("utf8")
channel.on("data", reader<ToSpawner>(hear))
channel.on("error", () => {})
channel.once("close", orphaned)
tell({ type: "ready", version: protocolVersion })
