const { WaveSpeedKling } = require('wavespeed-kling');
const { makeVideo } = require('./make-video.mjs');

makeVideo(new WaveSpeedKling());
