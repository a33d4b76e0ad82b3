import type { TerminalSnapshot } from '@fleetwire/protocol'
import type { TerminalSink } from '@fleetwire/react'
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { Terminal } from '@xterm/xterm'
import { bytes } from '../../../model/format.ts'
import { leadsAway } from '../../../model/leads-away.ts'
import { allowSpanStyles, withAdoptedStyles } from './adopt-styles.ts'
import { silenceQueries } from './silence-queries.ts'
import { terminalTheme } from './theme.ts'
import { drawByWebgl } from './webgl.ts'

allowSpanStyles()

export const FONT_SIZE = 13
const FONT = '"Geist Mono Variable", ui-monospace, "SFMono-Regular", Menlo, monospace'
/** What the server calls the newest terminal of an agent that has none. */
const NO_TERMINAL = 'main'
const LINES_KEPT = 10_000

export interface Size {
  cols: number
  rows: number
}

export interface EmulatorOptions {
  screenReader: boolean
  onData(data: string): void
  onSize(size: Size): void
  onFocus(isFocused: boolean): void
  /** Whether the agent has no terminal to show. */
  onEmpty(isEmpty: boolean): void
  /** So many bytes are lost. */
  onGap(bytes: number): void
  /** The keys that leave the terminal were pressed. */
  onLeave(): void
  onFind(): void
}

/** The terminal that a browser draws, behind what this page needs of it. */
export class Emulator {
  readonly terminal: Terminal
  readonly search = new SearchAddon()
  readonly sink: TerminalSink
  readonly #fit = new FitAddon()
  readonly #options: EmulatorOptions
  readonly #ends: (() => void)[] = []
  #leaveWebgl: (() => () => void) | undefined
  #gapBytes = 0
  #isEmpty = false
  #isOver = false

  constructor(host: HTMLElement, options: EmulatorOptions) {
    this.#options = options
    const terminal = new Terminal({
      allowProposedApi: true,
      cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      fontFamily: FONT,
      fontSize: FONT_SIZE,
      lineHeight: 1.2,
      // A link may lead elsewhere than its text says.
      linkHandler: {
        activate: openLink,
        hover: (_event, address) => host.setAttribute('title', address),
        leave: () => host.removeAttribute('title'),
      },
      minimumContrastRatio: 4.5,
      screenReaderMode: options.screenReader,
      scrollback: LINES_KEPT,
      theme: terminalTheme(),
    })
    this.terminal = terminal
    terminal.loadAddon(this.#fit)
    terminal.loadAddon(this.search)
    terminal.loadAddon(new UnicodeGraphemesAddon())
    terminal.loadAddon(new WebLinksAddon(openLink, { urlRegex: HTTP_LINK }))
    silenceQueries(terminal)
    terminal.attachCustomKeyEventHandler(event => this.#key(event))
    this.#draw(() => terminal.open(host))
    terminal.onData(data => options.onData(data))
    terminal.textarea?.addEventListener('focus', () => options.onFocus(true))
    terminal.textarea?.addEventListener('blur', () => options.onFocus(false))
    terminal.onResize(size => options.onSize(size))
    const theme = new MutationObserver(() => {
      terminal.options.theme = terminalTheme()
    })
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
    this.#ends.push(() => theme.disconnect())
    const port = { terminal, draw: (act: () => void) => this.#draw(act), isOver: () => this.#isOver }
    void drawByWebgl(port).then(leave => {
      this.#leaveWebgl = leave
    })
    this.sink = {
      write: chunk => {
        this.#tellEmpty(false)
        return this.#write(chunk)
      },
      snapshot: snapshot => this.#snapshot(snapshot),
      gap: lost => this.#gap(lost),
      resize: size => this.#inTurn(() => terminal.resize(size.cols, size.rows)),
    }
  }

  /** The size that fills the host; undefined while it is not laid out. */
  get fitting(): Size | undefined {
    const size = this.#fit.proposeDimensions()
    if (size === undefined || Number.isNaN(size.cols) || size.cols < 2 || size.rows < 2) return undefined
    return { cols: Math.min(size.cols, 1000), rows: Math.min(size.rows, 1000) }
  }

  dispose(): void {
    if (this.#isOver) return
    this.#isOver = true
    const giveBack = this.#leaveWebgl?.()
    this.terminal.dispose()
    giveBack?.()
    for (const end of this.#ends) end()
  }

  /** Style elements that the terminal makes in it become sheets. */
  #draw(act: () => void): void {
    this.#ends.push(withAdoptedStyles(act))
  }

  #write(chunk: string | Uint8Array): Promise<void> {
    // Resolves when it is drawn: only then more is asked for.
    return new Promise(resolve => (this.#isOver ? resolve() : this.terminal.write(chunk, resolve)))
  }

  /** After what was written before, and before what is written next. */
  #inTurn(act: () => void): void {
    if (this.#isOver) return
    // Not by a promise: the next bytes would be drawn before it settles.
    this.terminal.write('', () => {
      if (!this.#isOver) act()
    })
  }

  #tellEmpty(isEmpty: boolean): void {
    if (isEmpty === this.#isEmpty) return
    this.#isEmpty = isEmpty
    this.#options.onEmpty(isEmpty)
  }

  #snapshot({ terminalId, offset, cols, rows, screen }: TerminalSnapshot): Promise<void> {
    this.#tellEmpty(terminalId === NO_TERMINAL && offset === 0 && screen === '')
    this.#inTurn(() => {
      this.terminal.reset()
      this.terminal.resize(cols, rows)
    })
    const lost = this.#gapBytes
    this.#gapBytes = 0
    if (lost > 0) void this.#write(gapLine(lost))
    return this.#write(screen)
  }

  #gap(lost: number): void {
    this.#options.onGap(lost)
    this.#gapBytes = lost
    // A snapshot follows in the same turn and shows the line above its screen; bytes continue below it.
    queueMicrotask(() => {
      if (this.#gapBytes === 0) return
      this.#gapBytes = 0
      // A program that draws the whole screen would draw over it.
      if (this.terminal.buffer.active.type === 'normal') void this.#write(`\r\n${gapLine(lost)}`)
    })
  }

  #key(event: KeyboardEvent): boolean {
    if (event.type !== 'keydown') return true
    const isMod = event.metaKey || event.ctrlKey
    if (isMod && event.key === 'Escape') {
      event.preventDefault()
      this.#options.onLeave()
      return false
    }
    // Ctrl+F is the program's.
    if ((event.metaKey || (event.ctrlKey && event.shiftKey)) && event.key.toLowerCase() === 'f') {
      event.preventDefault()
      this.#options.onFind()
      return false
    }
    if (event.ctrlKey && event.shiftKey && event.key.toLowerCase() === 'c' && this.terminal.hasSelection()) {
      event.preventDefault()
      void navigator.clipboard?.writeText(this.terminal.getSelection())
      return false
    }
    return true
  }
}

const gapLine = (lost: number): string => `\x1b[2m── ${bytes(lost)} not kept ──\x1b[0m\r\n`

const HTTP_LINK = /https?:\/\/[^\s"'<>`{}|\\^]*[^\s"'<>`{}|\\^:,.!?;)\]]/

function openLink(_event: MouseEvent, address: string): void {
  if (leadsAway(address)) window.open(address, '_blank', 'noopener,noreferrer')
}

/** Makes one when its fonts are there: a terminal measures its cells once. */
export async function createEmulator(host: HTMLElement, options: EmulatorOptions): Promise<Emulator> {
  await Promise.all([400, 600].map(weight => document.fonts.load(`${weight} ${FONT_SIZE}px "Geist Mono Variable"`)))
  return new Emulator(host, options)
}
