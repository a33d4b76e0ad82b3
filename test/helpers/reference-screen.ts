import addonSerialize from '@xterm/addon-serialize'
import headless from '@xterm/headless'
import { ScreenModes } from '../../src/terminals/screen-modes.ts'
import type { ViewerFrame } from './fake-viewer.ts'

/** The terminal as a user would see it: all output is written to it, in order. */
export class ReferenceScreen {
  readonly #serializer = new addonSerialize.SerializeAddon()
  #terminal: headless.Terminal
  #modes: ScreenModes

  constructor(size = { cols: 80, rows: 24 }) {
    this.#terminal = this.#create(size)
    this.#modes = new ScreenModes(this.#terminal)
  }

  /** Renders the frames that a viewer was sent, like a dashboard. */
  static async of(frames: ViewerFrame[]): Promise<ReferenceScreen> {
    const screen = new ReferenceScreen()
    for (const { type, payload } of frames) {
      if (type === 'terminal:snapshot') {
        screen.#terminal.dispose()
        screen.#terminal = screen.#create(payload)
        screen.#modes = new ScreenModes(screen.#terminal)
        await screen.write(payload.screen)
      } else if (type === 'terminal:output') await screen.write(Buffer.from(payload.data, payload.encoding))
      else if (type === 'terminal:resize') screen.resize(payload)
    }
    return screen
  }

  write(data: string | Uint8Array): Promise<void> {
    return new Promise(resolve => this.#terminal.write(data, resolve))
  }

  resize({ cols, rows }: { cols: number; rows: number }): void {
    this.#terminal.resize(cols, rows)
    this.#modes.resized()
  }

  /** Everything visible on the screen, and the state that affects further output. */
  look(): { screen: string; modes: string; cursor: [number, number]; size: [number, number] } {
    const { cursorX, cursorY } = this.#terminal.buffer.active
    return {
      screen: this.#serializer.serialize(),
      modes: this.#modes.serialize(),
      cursor: [cursorX, cursorY],
      size: [this.#terminal.cols, this.#terminal.rows],
    }
  }

  #create({ cols, rows }: { cols: number; rows: number }): headless.Terminal {
    const terminal = new headless.Terminal({ cols, rows, scrollback: 1000, allowProposedApi: true, logLevel: 'off' })
    terminal.loadAddon(this.#serializer)
    return terminal
  }
}
