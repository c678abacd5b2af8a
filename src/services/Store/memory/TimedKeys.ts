/** Limited keys by when they are to be looked at. A key that was put off since is passed over. */
import { Heap } from "./Heap.ts"
import type { LimitedKey } from "./LimitedKey.ts"

interface Look {
  readonly at: number
  readonly key: LimitedKey
}

export class TimedKeys {
  private readonly looks = new Heap<Look>((a, b) => a.at < b.at)

  /** Looks at the key then, and not at the time that was said before; infinite: not at all. */
  put(key: LimitedKey, at: number): void {
    if (key.lookAt === at) return
    key.lookAt = at
    if (at !== Number.POSITIVE_INFINITY) this.looks.add({ at, key })
  }

  /** When the next key is to be looked at. */
  next(): number | undefined {
    for (let look = this.looks.first(); look !== undefined; look = this.looks.first()) {
      if (look.key.lookAt === look.at) return look.at
      this.looks.take()
    }
    return undefined
  }

  /** Takes a key whose time has come. */
  take(now: number): LimitedKey | undefined {
    const at = this.next()
    if (at === undefined || at > now) return undefined
    const { key } = this.looks.take()!
    key.lookAt = Number.POSITIVE_INFINITY
    return key
  }
}
