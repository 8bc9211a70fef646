// Two pages from one build: the console (console.html, served at /) and the phone (inspect.html, served at /inspect).
import { resolve } from 'node:path';
import { defineConfig } from 'vitest/config';
import { pictograms } from './build/pictograms.ts';

const API = process.env.CITYOPS_API ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [pictograms()],
  // Hidden name of the output folder of assets; the server answers /assets with an immutable cache.
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      input: {
        console: resolve(import.meta.dirname, 'console.html'),
        inspect: resolve(import.meta.dirname, 'inspect.html'),
      },
    },
  },
  server: { proxy: { '/api': API, '/tiles': API } },
  test: { include: ['tests/**/*.test.ts'] },
});
