/** @type {import('next').NextConfig} */
const config = {
  // One copy for all routes and actions, so that they share the client's journal.
  serverExternalPackages: ['wavespeed-kling'],
};

export default config;
