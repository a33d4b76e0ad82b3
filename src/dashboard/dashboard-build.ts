import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** The base of all relative URLs in the page, as the build writes it. */
const BASE = '<base href="/" />'

/** A page of the build, which is written for the root of a server. */
export class DashboardPage {
  readonly #beginning: string
  readonly #end: string

  constructor(html: string) {
    const [beginning, end, ...more] = html.split(BASE)
    if (end === undefined || more.length > 0) throw new Error(`A page of the dashboard has ${BASE} once`)
    this.#beginning = beginning!
    this.#end = end
  }

  /** The page for this `base`: a path that ends in a slash and needs no HTML escapes. */
  at(base: string): { html: string; etag: string } {
    const html = `${this.#beginning}<base href="${base}" />${this.#end}`
    return { html, etag: `"${createHash('sha256').update(html).digest('base64url').slice(0, 27)}"` }
  }
}

export interface DashboardBuild {
  /** Absolute path; the names in its `assets` change with their content. */
  folder: string
  index: DashboardPage
  /** Shows every state of every component; in development builds only. */
  gallery: DashboardPage | undefined
}

/** The output folder of `npm run build`, relative to the compiled location of this file. */
export const builtDashboard = (): string => fileURLToPath(new URL('../../dashboard/', import.meta.url))

async function readPage(path: string): Promise<DashboardPage | undefined> {
  try {
    return new DashboardPage(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Reads the pages of a build; `undefined` if there is no build. */
export async function readDashboard(folder: string): Promise<DashboardBuild | undefined> {
  const index = await readPage(`${folder}/index.html`)
  return index && { folder, index, gallery: await readPage(`${folder}/gallery.html`) }
}
