import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readlink, realpath, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, parse, sep } from 'node:path'
import { AcpError } from './acp-error.ts'

export interface ReadRange {
  /** The first line, counted from 1. Default: 1. */
  line?: number | null | undefined
  /** The number of lines. Default: all. */
  limit?: number | null | undefined
}

const { O_RDONLY, O_WRONLY, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants
const MAX_READ_BYTES = 16 * 1024 * 1024
const CHUNK_BYTES = 256 * 1024
const NEWLINE = 0x0a
/** Only Linux can address an open file by its descriptor, so that the file used is the one that was checked. */
const byNumber = process.platform === 'linux'

/**
 * The folder that the program may read and write through us; everything outside is refused. Paths are resolved first,
 * including `..` and symbolic links, and then checked. Somebody with write access to the folder could replace a file or
 * folder by a link between check and use. So an opened file is checked again, by its actual path, before any byte is
 * read or written.
 *
 * Other files' names are not secret: the program runs as the same user and can open those files itself.
 */
export class Root {
  readonly path: string

  /** Throws if there is no such folder. */
  static async open(folder: string): Promise<Root> {
    const path = await realpath(folder)
    if (!(await stat(path)).isDirectory()) throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' })
    return new Root(path)
  }

  private constructor(path: string) {
    this.path = path
  }

  /** The text of a file, or some lines of it. Throws AcpError. */
  async readText(path: string, { line, limit }: ReadRange = {}): Promise<string> {
    const file = await this.#open(await this.#real(path), O_RDONLY | O_NONBLOCK, path)
    try {
      if (!(await file.stat()).isFile()) throw refused(path, 'is not a file')
      return decode(await readLines(file, line ?? 1, limit ?? Number.POSITIVE_INFINITY, path), path)
    } finally {
      await file.close()
    }
  }

  /** Replaces the content of a file. Creates the file and its folders if needed. Throws AcpError. */
  async writeText(path: string, content: string): Promise<void> {
    const name = basename(this.#checked(path))
    if (name === '' || name === '.' || name === '..') throw refused(path, 'does not name a file')
    const folder = await this.#makeFolder(dirname(path), path)
    try {
      const file = await this.#openIn(folder, name, path)
      try {
        if (!(await file.stat()).isFile()) throw refused(path, 'is not a file')
        await file.truncate(0)
        await file.writeFile(content)
      } finally {
        await file.close()
      }
    } finally {
      await folder.handle.close()
    }
  }

  /** The real path of a folder inside the root. Throws AcpError. */
  async folder(path: string): Promise<string> {
    const real = await this.#real(path)
    if (!(await stat(real)).isDirectory()) throw refused(path, 'is not a directory')
    return real
  }

  #checked(path: string): string {
    if (path.includes('\0')) throw refused(path, 'is not a valid path')
    if (!isAbsolute(path)) throw refused(path, 'is not absolute')
    return path
  }

  /** The path with `..` and links resolved, checked to be inside the root. */
  async #real(path: string): Promise<string> {
    try {
      return this.#inside(await realpath(this.#checked(path)), path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') await this.#deepest(path)
      throw asRefusal(error, path)
    }
  }

  /** The deepest existing folder of the path, and the names after it. Throws if that folder is outside the root. */
  async #deepest(path: string): Promise<{ real: string; missing: string[] }> {
    const missing: string[] = []
    for (let at = path; ; at = dirname(at)) {
      try {
        return { real: this.#inside(await realpath(at), path), missing }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || at === parse(at).root) throw asRefusal(error, path)
        missing.unshift(basename(at))
      }
    }
  }

  #inside(real: string, path: string): string {
    if (real === this.path || real.startsWith(this.path.endsWith(sep) ? this.path : this.path + sep)) return real
    throw refused(path, `is outside ${this.path}, the root of this agent`)
  }

  /** Opens a real path and checks that the opened file is still inside the root. */
  async #open(real: string, flags: number, path: string): Promise<FileHandle> {
    let handle: FileHandle
    try {
      handle = await open(real, flags | O_NOFOLLOW)
    } catch (error) {
      throw asRefusal(error, path)
    }
    try {
      await this.#check(handle, real, path)
      return handle
    } catch (error) {
      await handle.close()
      throw asRefusal(error, path)
    }
  }

  async #check(handle: FileHandle, real: string, path: string): Promise<void> {
    if (byNumber) {
      this.#inside(await readlink(`/proc/self/fd/${handle.fd}`), path)
      return
    }
    const [opened, named] = [await handle.stat(), await stat(this.#inside(await realpath(real), path))]
    if (opened.ino !== named.ino || opened.dev !== named.dev) throw refused(path, 'changed while it was being accessed')
  }

  async #makeFolder(folder: string, path: string): Promise<Folder> {
    const { real, missing } = await this.#deepest(folder)
    if (missing.includes('..') || missing.includes('.'))
      throw refused(path, 'leads through a directory that does not exist')
    let at: Folder = { real, handle: await this.#open(real, O_RDONLY | O_DIRECTORY, path) }
    for (const name of missing) {
      const within = at
      try {
        await mkdir(placeIn(within, name)).catch(error => {
          if (error.code !== 'EEXIST') throw error
        })
        const next = await open(placeIn(within, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        at = { real: join(within.real, name), handle: next }
        await this.#check(next, at.real, path)
      } catch (error) {
        if (at !== within) await at.handle.close()
        throw asRefusal(error, path)
      } finally {
        await within.handle.close()
      }
    }
    return at
  }

  /** Opens a file for writing. A symbolic link is followed if it leads to a file inside the root. */
  async #openIn(folder: Folder, name: string, path: string): Promise<FileHandle> {
    const flags = O_WRONLY | O_NONBLOCK | O_NOFOLLOW
    try {
      const file = await open(placeIn(folder, name), flags | O_CREAT, 0o666)
      try {
        await this.#check(file, join(folder.real, name), path)
        return file
      } catch (error) {
        await file.close()
        throw error
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOOP') throw asRefusal(error, path)
      return this.#open(await this.#real(path), flags, path)
    }
  }
}

interface Folder {
  real: string
  handle: FileHandle
}

/** The path of a name in an opened folder, even if the folder's path now leads elsewhere (Linux only). */
const placeIn = ({ real, handle }: Folder, name: string): string =>
  byNumber ? `/proc/self/fd/${handle.fd}/${name}` : join(real, name)

async function readLines(file: FileHandle, first: number, count: number, path: string): Promise<Buffer> {
  const kept: Buffer[] = []
  let size = 0
  let line = 1
  const end = first + count
  const chunk = Buffer.alloc(CHUNK_BYTES)
  while (line < end) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES)
    if (bytesRead === 0) break
    let from = line >= first ? 0 : bytesRead
    let to = bytesRead
    for (let at = chunk.indexOf(NEWLINE); at >= 0 && at < bytesRead; at = chunk.indexOf(NEWLINE, at + 1)) {
      line++
      if (line === first) from = at + 1
      if (line === end) {
        to = at + 1
        break
      }
    }
    if (from >= to) continue
    size += to - from
    if (size > MAX_READ_BYTES)
      throw refused(path, `has more than ${MAX_READ_BYTES} bytes: read it in parts, with line and limit`)
    kept.push(Buffer.from(chunk.subarray(from, to)))
  }
  return Buffer.concat(kept)
}

/** Keeps the byte order mark, so that writing the text back changes nothing. */
function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw refused(path, 'is not valid UTF-8')
  }
}

const refused = (path: string, why: string): AcpError =>
  new AcpError('invalidParams', `${JSON.stringify(path)} ${why}.`)

const WORDS: Record<string, string> = {
  EACCES: 'is not accessible to the user that runs this agent',
  EPERM: 'is not accessible to the user that runs this agent',
  EISDIR: 'is a directory',
  ENOTDIR: 'leads through something that is not a directory',
  ELOOP: 'changed while it was being accessed, or is a link to itself',
  ENXIO: 'is not a file',
  ENAMETOOLONG: 'is too long',
  ENOSPC: 'cannot be written: the disk is full',
  EROFS: 'cannot be written: the disk is read-only',
}

function asRefusal(error: unknown, path: string): AcpError {
  if (error instanceof AcpError) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return new AcpError('notFound', `${JSON.stringify(path)} does not exist.`)
  return refused(path, WORDS[code] ?? `cannot be used: ${message}`)
}
