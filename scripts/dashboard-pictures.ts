import { existsSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { serveGallery } from './gallery.ts'

// `npm run docs:pictures`: retakes the pictures of README.md and docs/dashboard.md from the gallery, with a frozen clock.
// Look at them before you commit them: no test compares them.

interface Picture {
  file: string
  state: string
  theme?: 'dark' | 'light'
  width?: number
  height?: number
}

const pictures: readonly Picture[] = [
  { file: 'fleet-dark', state: 'fleet', width: 1440, height: 820 },
  { file: 'fleet-light', state: 'fleet', theme: 'light', width: 1440, height: 820 },
  { file: 'needs-you', state: 'needs-you', height: 560 },
  { file: 'agent', state: 'agent-terminal', width: 1120, height: 560 },
  { file: 'conversation', state: 'agent-conversation', height: 640 },
  { file: 'command', state: 'command-failed', height: 560 },
  { file: 'phone', state: 'fleet', width: 390, height: 844 },
]

const NOW = new Date('2026-05-04T10:30:00Z')

const target = fileURLToPath(new URL('../../docs/images', import.meta.url))
mkdirSync(target, { recursive: true })
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  path => path !== undefined && existsSync(path),
)
if (executablePath === undefined) throw new Error('Chromium was not found: set CHROMIUM to its path')
const gallery = await serveGallery()
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
for (const { file, state, theme = 'dark', width = 1200, height = 760 } of pictures) {
  const context = await browser.newContext({
    ...{ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce', timezoneId: 'UTC', locale: 'en-GB' },
    ...(width < 720 && { isMobile: true, hasTouch: true }),
  })
  const page = await context.newPage()
  await page.clock.setFixedTime(NOW)
  await page.goto(`${gallery.url}#${state}`, { waitUntil: 'networkidle' })
  await page.evaluate(() => document.fonts.ready)
  await page.screenshot({ path: `${target}/${file}.png`, animations: 'disabled', caret: 'hide' })
  await context.close()
  process.stdout.write(`docs/images/${file}.png\n`)
}
await browser.close()
await gallery.close()
