import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { test } from 'tap'
import { compressFiles } from '../../scripts/compress-files.ts'

test('files that shrink by compression get compressed copies beside them', async t => {
  const code = 'export const a = 1\n'.repeat(200)
  const folder = t.testdir({
    'index.html': code,
    assets: { 'a.js': code, 'b.css': code, 'font.woff2': code, 'small.svg': '<svg/>' },
  })
  await compressFiles(folder)
  const at = (path: string) => join(folder, path)
  for (const path of ['assets/a.js', 'assets/b.css']) {
    t.equal(brotliDecompressSync(readFileSync(at(`${path}.br`))).toString(), code)
    t.equal(gunzipSync(readFileSync(at(`${path}.gz`))).toString(), code)
  }
  for (const path of ['index.html', 'assets/font.woff2', 'assets/small.svg'])
    for (const ending of ['br', 'gz']) t.notOk(existsSync(at(`${path}.${ending}`)), `${path}.${ending}`)
})
