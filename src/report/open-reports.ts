import type { Clock } from '../clock.ts'
import { newId } from '../ids.ts'
import { type CurrentRun, ReportDesk, type Spokesman, type StatusListener } from './report-desk.ts'
import { ReportServer } from './report-server.ts'

export interface OpenReportsOptions {
  agent: Spokesman
  clock: Clock
  /** What usage is counted under, unless the program says so: the program's name. */
  source: string
  /** The command that the program works on; undefined where none runs. */
  run(): CurrentRun | undefined
  /** Hears what the program says of itself; undefined before it has started. */
  listener(): StatusListener | undefined
  /** Where the folder of the socket is made. Default: that of temporary files. */
  temporary?: string
}

export interface Reports {
  /** For the program's environment: `FLEETWIRE_REPORT`. */
  readonly address: string
  /** The last whole answer that the program itself gave while this command ran. */
  answerTo(commandId: string): string | undefined
  /** Whoever asks about this command gets no answer any more. */
  runEnded(commandId: string): void
  close(): Promise<void>
}

/** Opens the socket on which one program reports to its wrapper. Rejects where the system gives none. */
export async function openReports({ source, temporary, ...options }: OpenReportsOptions): Promise<Reports> {
  const desk = new ReportDesk({ ...options, newId })
  const server = new ReportServer({
    taker: desk,
    clock: options.clock,
    defaults: () => ({ sessionId: desk.sessionId, source, newId, command: options.run() }),
  })
  const address = await server.start(temporary)
  return {
    address,
    answerTo: commandId => desk.answerTo(commandId),
    runEnded: commandId => desk.runEnded(commandId),
    close: () => server.stop(),
  }
}
