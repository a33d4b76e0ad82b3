const CONTEXT_LINES = 3

/**
 * The change between two texts as one hunk of a unified diff, from the first to the last differing line. Common lines
 * in between are not searched for, so the cost is linear.
 */
export function unifiedDiff(path: string, oldText: string | null | undefined, newText: string): string {
  const [before, after] = [linesOf(oldText ?? ''), linesOf(newText)]
  let start = 0
  while (start < before.length && start < after.length && before[start] === after[start]) start++
  let same = 0
  const most = Math.min(before.length, after.length) - start
  while (same < most && before.at(-1 - same) === after.at(-1 - same)) same++
  const from = Math.max(0, start - CONTEXT_LINES)
  const [oldEnd, newEnd] = [before.length - same, after.length - same]
  const tail = after.slice(newEnd, newEnd + CONTEXT_LINES)
  const [oldCount, newCount] = [oldEnd - from + tail.length, newEnd - from + tail.length]
  return [
    oldText === null || oldText === undefined ? '--- /dev/null' : `--- ${path}`,
    `+++ ${path}`,
    `@@ -${oldCount === 0 ? from : from + 1},${oldCount} +${newCount === 0 ? from : from + 1},${newCount} @@`,
    ...before.slice(from, start).map(line => ` ${line}`),
    ...before.slice(start, oldEnd).map(line => `-${line}`),
    ...after.slice(start, newEnd).map(line => `+${line}`),
    ...tail.map(line => ` ${line}`),
  ].join('\n')
}

/** Splits into lines. A trailing line break adds no empty line. */
function linesOf(text: string): string[] {
  if (text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}
