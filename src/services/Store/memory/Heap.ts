/** A binary heap: takes the first by an order, in a time that grows with the logarithm of how many there are. */
export class Heap<A> {
  private readonly items: Array<A> = []
  private readonly isBefore: (a: A, b: A) => boolean

  constructor(isBefore: (a: A, b: A) => boolean) {
    this.isBefore = isBefore
  }

  get size(): number {
    return this.items.length
  }

  /** The first, without taking it. */
  first(): A | undefined {
    return this.items[0]
  }

  add(item: A): void {
    const { isBefore, items } = this
    let i = items.push(item) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isBefore(item, items[parent]!)) break
      items[i] = items[parent]!
      i = parent
    }
    items[i] = item
  }

  take(): A | undefined {
    const { isBefore, items } = this
    const first = items[0]
    const last = items.pop()
    if (items.length === 0 || last === undefined) return first
    let i = 0
    for (;;) {
      let least = 2 * i + 1
      if (least >= items.length) break
      if (least + 1 < items.length && isBefore(items[least + 1]!, items[least]!)) least++
      if (!isBefore(items[least]!, last)) break
      items[i] = items[least]!
      i = least
    }
    items[i] = last
    return first
  }
}
