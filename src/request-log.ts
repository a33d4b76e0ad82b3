import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'

const TOO_MANY = 429

/**
 * Successful requests are logged at `debug`: two lines for each of thousands of submissions a second would cost more
 * than the submissions. Refused requests are logged at `info`, failed ones at `error`.
 */
export class RequestLog extends LogController {
  override incomingRequest(request: FastifyRequest): void {
    request.log.debug({ req: request }, 'incoming request')
  }

  override requestCompleted(error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    if (error) reply.log.error({ req: request, res: reply, err: error }, 'request errored')
    // A client over a limit would fill the log, and is counted in the metrics.
    else if (reply.statusCode < 400 || reply.statusCode === TOO_MANY)
      reply.log.debug({ res: reply, responseTime: reply.elapsedTime }, 'request completed')
    else reply.log.info({ req: request, res: reply, responseTime: reply.elapsedTime }, 'request refused')
  }
}
