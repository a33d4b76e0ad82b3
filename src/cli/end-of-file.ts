import { open, stat } from 'node:fs/promises'

/** The last bytes of a file as text; empty if it cannot be read or is not a regular file (a pipe is not opened). */
export async function endOfFile(path: string, maxBytes: number): Promise<string> {
  try {
    if (!(await stat(path)).isFile()) return ''
    const file = await open(path)
    try {
      const { size } = await file.stat()
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(Math.min(size, maxBytes)),
        0,
        undefined,
        Math.max(0, size - maxBytes),
      )
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch {
    return ''
  }
}
