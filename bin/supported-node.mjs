// The oldest Node that Sluice runs on; the same as engines.node in package.json.
export const oldestSupported = "24.14.1"

const oldest = oldestSupported.split(".").map(Number)

/** Whether a version such as "24.21.0" is new enough. */
export const isSupported = (version) => {
  const parts = version.split(".").map((part) => Number.parseInt(part, 10))
  const different = oldest.findIndex((part, index) => parts[index] !== part)
  return different === -1 || parts[different] > oldest[different]
}
