import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { buildApp } from '../src/app.ts'

export interface Gallery {
  /** The list of states; a single state is at `${url}#fleet`. */
  url: string
  close(): Promise<void>
}

/** Builds the dashboard's gallery in a temporary folder and serves it like the dashboard, with the same headers. */
export async function serveGallery(): Promise<Gallery> {
  const folder = mkdtempSync(join(tmpdir(), 'fleetwire-gallery-'))
  const pages = join(folder, 'pages')
  await buildPages(pages)
  const app = await buildApp({ logger: false, config: { DATA_DIR: join(folder, 'data') }, dashboardFolder: pages })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    url: `${origin}/gallery`,
    async close() {
      await app.close()
      rmSync(folder, { recursive: true })
    },
  }
}

async function buildPages(outDir: string): Promise<void> {
  const before = process.env.GALLERY
  process.env.GALLERY = 'true'
  try {
    const configFile = fileURLToPath(new URL('../../dashboard/vite.config.ts', import.meta.url))
    await build({ configFile, logLevel: 'warn', build: { outDir } })
  } finally {
    if (before === undefined) delete process.env.GALLERY
    else process.env.GALLERY = before
  }
}
