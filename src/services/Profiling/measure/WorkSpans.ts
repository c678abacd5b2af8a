/**
 * Whose work the event loop does at each moment, while a profile is taken. Three sources tell when an owner begins and
 * stops: the start of its handler; every step of its fibers (through the tracer's hook around each primitive); and, for
 * promises and timers of its own making, Node's hooks around asynchronous callbacks.
 */
import { Effect, Tracer } from "effect"
import { createHook } from "node:async_hooks"
import { Script } from "node:vm"

/** Someone work belongs to: a task's attempt, or a context. */
export interface Owner {
  readonly name: string
  /** Milliseconds it held the event loop. */
  onLoopMs: number
  /** What all owners of its name share. */
  readonly work: Work
}

/** Told of what owners do, as it happens. */
export interface SpanObserver {
  /** One owner gave the event loop to another. `at` as `performance.now`, of the Unix epoch. */
  readonly switched: (from: Owner | undefined, to: Owner | undefined, at: number) => void
  /** An owner began something asynchronous, of a type as `async_hooks` names it; its callback is about to run. */
  readonly began: (owner: Owner, id: number, type: string) => void
  readonly answered: (id: number) => void
}

interface Work {
  onLoopMs: number
  readonly step: Step
}

type Evaluate = (primitive: Tracer.EffectPrimitive<unknown>, fiber: never) => unknown
type Step = (spans: WorkSpans, owner: Owner, evaluate: Evaluate, primitive: never, fiber: never) => unknown

/** Scheme of the file name that marks an owner's frames in V8's stacks. */
const marker = "sluice-work:"

/** Changes kept: 16 bytes each. When they are used up, the rest of the profile is attributed to nobody. */
const changesMost = 4_000_000

/**
 * Runs one step of an owner's fiber. Compiled once per owner under a file name that says whose it is, so that stacks of
 * allocation samples, which carry no time, show it.
 */
const compileStep = (name: string): Step =>
  new Script(
    `(function step(spans, owner, evaluate, primitive, fiber) {
      const before = spans.enter(owner)
      try { return evaluate(primitive, fiber) } finally { spans.leave(before) }
    })`,
    { filename: `${marker}${encodeURIComponent(name)}` }
  ).runInThisContext() as Step

/** The owner a frame of V8's marks, if it does. */
export const ownerOfFrame = ({ url }: { readonly url: string }): string | undefined =>
  url.startsWith(marker) ? decodeURIComponent(url.slice(marker.length)) : undefined

/** Milliseconds of the clock that V8's profiles use, which is that of `hrtime`. */
const now = (): number => performance.now() + performance.timeOrigin
/** Its origin in that clock, in microseconds. */
const originUs = (): number => Number(process.hrtime.bigint()) / 1000 - now() * 1000

const native: Evaluate = (primitive, fiber) => primitive["~effect/Effect/evaluate"](fiber)

export class WorkSpans {
  private current: Owner | undefined
  private sinceMs = 0
  private readonly works = new Map<string, Work>()
  private readonly owners = new Map<number, Owner>()
  private readonly left: Array<Owner | undefined> = []
  private times = new Float64Array(4096)
  private names: Array<string | undefined> = []
  private count = 0
  private readonly offsetUs = originUs()
  private readonly observer: SpanObserver | undefined
  private readonly changesMost: number
  private readonly hook = createHook({
    init: (id, type) => {
      if (this.current === undefined) return
      this.owners.set(id, this.current)
      this.observer?.began(this.current, id, type)
    },
    before: (id) => {
      this.observer?.answered(id)
      this.left.push(this.enter(this.owners.get(id)))
    },
    after: () => {
      this.leave(this.left.pop())
    },
    destroy: (id) => {
      this.owners.delete(id)
    }
  })

  /** Without `keepsChanges` there is nothing to read by time (`reader`). */
  constructor({ keepsChanges = true, observer }: { keepsChanges?: boolean; observer?: SpanObserver } = {}) {
    this.changesMost = keepsChanges ? changesMost : 0
    this.observer = observer
  }

  open(): void {
    this.hook.enable()
  }

  close(): void {
    this.hook.disable()
    this.switch(undefined)
    this.owners.clear()
    this.left.length = 0
  }

  owner(name: string): Owner {
    let work = this.works.get(name)
    if (work === undefined) {
      work = { onLoopMs: 0, step: compileStep(name) }
      this.works.set(name, work)
    }
    return { name, onLoopMs: 0, work }
  }

  /** Milliseconds each name held the event loop. */
  onLoop(): ReadonlyMap<string, number> {
    return new Map([...this.works].map(([name, { onLoopMs }]) => [name, onLoopMs]))
  }

  /** `effect`, all of whose steps are the owner's. */
  own<A, E, R>(owner: Owner, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.flatMap(Effect.tracer, (tracer) => {
      const evaluate = (tracer.context as Evaluate | undefined) ?? native
      return Effect.provideService(effect, Tracer.Tracer, {
        span: (options) => tracer.span(options),
        context: (primitive, fiber) =>
          owner.work.step(this, owner, evaluate, primitive as never, fiber as never) as never
      })
    })
  }

  /** Work is `owner`'s from now on; answers whose it was, for `leave`. */
  enter(owner: Owner | undefined): Owner | undefined {
    const before = this.current
    if (owner !== before) this.switch(owner)
    return before
  }

  leave(before: Owner | undefined): void {
    if (before !== this.current) this.switch(before)
  }

  private switch(owner: Owner | undefined): void {
    const at = now()
    if (this.current !== undefined) {
      const held = at - this.sinceMs
      this.current.onLoopMs += held
      this.current.work.onLoopMs += held
    }
    this.observer?.switched(this.current, owner, at)
    const sameName = this.current?.name === owner?.name
    this.current = owner
    this.sinceMs = at
    if (sameName || this.count >= this.changesMost) return
    if (this.count === this.times.length) {
      const wider = new Float64Array(this.times.length * 2)
      wider.set(this.times)
      this.times = wider
    }
    this.times[this.count] = at * 1000
    this.names[this.count++] = owner?.name
  }

  /** Who was at work at a time in microseconds of V8's clock, asked with ascending times. */
  reader(): (atUs: number) => string | undefined {
    let i = 0
    return (atUs) => {
      const at = atUs - this.offsetUs
      while (i < this.count && this.times[i]! <= at) i++
      return i === 0 ? undefined : this.names[i - 1]
    }
  }
}
