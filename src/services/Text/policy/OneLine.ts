/** A message of several lines as one: the lines after each other, without the white space around them. Linear. */
export const oneLine = (message: string): string =>
  message
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(" ")
