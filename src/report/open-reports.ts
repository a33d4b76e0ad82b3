import type { Clock } from '../clock.ts'
import { newId } from '../ids.ts'
import { type CurrentRun, ReportDesk, type Spokesman, type StatusListener } from './report-desk.ts'
import { ReportServer } from './report-server.ts'

export interface OpenReportsOptions {
  agent: Spokesman
  clock: Clock
  /** The default source of usage reports: the program's name. */
  source: string
  /** The command that the program works on; undefined if none runs. */
  run(): CurrentRun | undefined
  /** Is notified of the program's status reports; undefined before the program has started. */
  listener(): StatusListener | undefined
  /** Where to create the socket's folder. Default: the folder for temporary files. */
  temporary?: string
}

export interface Reports {
  /** For the program's environment: `FLEETWIRE_REPORT`. */
  readonly address: string
  /** The last complete answer that the program reported during this command. */
  answerTo(commandId: string): string | undefined
  /** Gives up the open questions of this command. */
  runEnded(commandId: string): void
  close(): Promise<void>
}

/** Opens the socket on which one program reports to its wrapper. Rejects if it cannot be created. */
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
