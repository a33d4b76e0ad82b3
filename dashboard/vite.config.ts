import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// Addresses are relative to `<base href>`, which the server sets: one build works under any prefix. No `data:` fonts or
// pictures: the Content-Security-Policy refuses them.
export default defineConfig({
  root: folder('.'),
  base: './',
  plugins: [react(), tailwindcss()],
  build: {
    outDir: folder('../dist/dashboard'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    // Nobody reads them: it takes as long as all else to compress each file for them.
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    // Published with the pages: a folder whose name begins with a dot is seen by nobody.
    license: { fileName: 'LICENSES.md' },
    // Pictures of every state, for who works on the pages; not published.
    rolldownOptions: {
      input: {
        index: folder('index.html'),
        ...(process.env.GALLERY === 'true' && { gallery: folder('gallery.html') }),
      },
    },
  },
})
