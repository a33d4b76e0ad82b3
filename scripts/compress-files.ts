import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

const brotli = promisify(brotliCompress)
const zip = promisify(gzip)
const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT, BROTLI_MAX_QUALITY, Z_BEST_COMPRESSION } = constants

/** Files that compression makes smaller: fonts and pictures are already compressed. */
const COMPRESSIBLE = /\.(js|css|svg|json)$/
/** A smaller response is one packet, compressed or not. */
const LEAST_BYTES = 1024

/** Writes a `.br` and a `.gz` next to each file of a folder that is worth compressing. */
export async function compressFiles(folder: string): Promise<void> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(path => COMPRESSIBLE.test(path))
  await Promise.all(
    files.map(async file => {
      const path = `${folder}/${file}`
      const bytes = await readFile(path)
      if (bytes.length < LEAST_BYTES) return
      const params = { [BROTLI_PARAM_QUALITY]: BROTLI_MAX_QUALITY, [BROTLI_PARAM_SIZE_HINT]: bytes.length }
      await writeFile(`${path}.br`, await brotli(bytes, { params }))
      await writeFile(`${path}.gz`, await zip(bytes, { level: Z_BEST_COMPRESSION }))
    }),
  )
}
