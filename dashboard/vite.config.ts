import { fileURLToPath } from 'node:url'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// URLs are relative to `<base href>`, which the server sets, so one build works under any path prefix. No `data:` fonts
// or images: the Content-Security-Policy refuses them.
export default defineConfig({
  root: folder('.'),
  base: './',
  plugins: [react(), tailwindcss()],
  build: {
    outDir: folder('../dist/dashboard'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    // Nobody reads the sizes, and compressing each file to measure them would double the build time.
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    // Published with the pages, and so not in the default folder `.vite`, which is hidden.
    license: { fileName: 'LICENSES.md' },
    // The gallery shows every state of the pages, for developers; it is not published.
    rolldownOptions: {
      input: {
        index: folder('index.html'),
        ...(process.env.GALLERY === 'true' && { gallery: folder('gallery.html') }),
      },
    },
  },
})
