/**
 * The headers of a page of this server, in the form of @fastify/helmet. `allow`: what the page may load, by directive
 * of the Content-Security-Policy in camel case; by default it may load nothing.
 */
export const pageHeaders = (allow: Readonly<Record<string, string[]>>) => ({
  contentSecurityPolicy: {
    // helmet's defaults tell browsers to upgrade requests: they would then ask a plain-HTTP server for its scripts over
    // TLS.
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      ...allow,
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  xFrameOptions: { action: 'deny' as const },
  // It would bind the whole host, which may serve others and plain HTTP. The proxy that has the certificate should set
  // it.
  strictTransportSecurity: false,
})
