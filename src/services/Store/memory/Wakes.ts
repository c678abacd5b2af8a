/** What has to be told: to listeners when a turn is over, and to who claims. */
import type { Group } from "./Lane.ts"

export class Wakes {
  ready = false
  finished = false
  control = false
  /** Groups in which jobs became ready since listeners were last told. */
  private readonly woken: Array<Group> = []
  /** Groups in which jobs became ready since a turn last asked. */
  private stirred: Array<Group> = []

  /** Listeners are to hear that a job of the group became ready. */
  wake(group: Group): void {
    this.ready = true
    if (group.woken) return
    group.woken = true
    this.woken.push(group)
  }

  /** The groups in which jobs became ready; asked when listeners are told. */
  takeWoken(): ReadonlyArray<string> {
    const names = this.woken.map((group) => {
      group.woken = false
      return group.name
    })
    this.woken.length = 0
    return names
  }

  /** Something of the group may be claimed. */
  stir(group: Group): void {
    this.wake(group)
    if (group.stirred) return
    group.stirred = true
    this.stirred.push(group)
  }

  /** Groups of which something may be claimed since this was asked, once a turn. */
  takeStirred(): ReadonlyArray<Group> {
    if (this.stirred.length === 0) return this.stirred
    const { stirred } = this
    this.stirred = []
    for (const group of stirred) group.stirred = false
    return stirred
  }
}
