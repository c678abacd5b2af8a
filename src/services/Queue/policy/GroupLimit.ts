/** The declared limit of a group that nobody declared. */
export const unlimited = Number.MAX_SAFE_INTEGER
