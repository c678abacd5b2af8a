/**
 * Weighted fair shares by start-time fair queueing (Goyal, Vin and Cheng, "Start-time fair queueing", SIGCOMM 1996).
 * Each key has a virtual time; an admitted job is tagged with where it starts in it, and the claim takes the lowest
 * tag. The group's virtual time is the largest tag that was claimed: a key that was idle begins there, with no credit
 * for its absence and no debt from before. Tags are *start* tags: by finish tags the shares decay where few jobs are
 * admitted.
 */

/** The tag of the next job of a key, and the key's virtual time after it: what is shared is slots. */
export const tagNext = (
  groupTime: number,
  keyTime: number,
  weight: number,
  slots: number
): { readonly tag: number; readonly keyTime: number } => {
  const tag = Math.max(groupTime, keyTime)
  return { tag, keyTime: tag + slots / weight }
}

/** The group's virtual time once a job of this tag was claimed. */
export const timeAfterClaim = (groupTime: number, tag: number): number => Math.max(groupTime, tag)

/** A key's virtual time once jobs of these tags have gone back unstarted: it was not used. */
export const timeAfterReturn = (keyTime: number, tag: number): number => Math.min(keyTime, tag)
