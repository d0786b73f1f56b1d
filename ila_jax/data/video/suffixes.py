"""Lists the suffixes of video files, and of files that often lie next to them."""

# Those of FFmpeg's demuxers and of cameras, recorders and downloads. Those that are as often
# something else (.dat, .mod, .ogg, .avif, .bin) are not here, so that such files are looked into.
_VIDEOS = """
mp4 m4v mov qt mj2 psp f4v ismv 360 insv 3gp 3gpp 3g2 3gp2 mkv mk3d webm avi divx xvid amv mpg
mpeg mpe mpv m1v m2v vob evo vro vdr ts mts m2ts m2t mt2s trp tp tod ty wmv asf wtv dvr-ms flv
swf ogv ogm rm rmvb mxf gxf lxf dv dif nut nsv nuv smk bik fli flc viv mjpg mjpeg h261 h263 h264
264 avc h265 265 hevc h266 266 vvc ivf obu av1 vc1 rcv drc cavs y4m dav ifv gif apng
"""
# What lies next to videos. Some of it FFmpeg would decode, a still or sound, and some is the same
# video once more: small copies that cameras keep (.lrv, .lrf), unfinished downloads (.part).
_OTHERS = """
txt md rst log nfo csv tsv json jsonl ndjson xml yaml yml toml ini cfg html htm pdf doc docx xls
xlsx sh py ipynb srt vtt ass ssa sub idx sbv lrc smi sup jpg jpeg png bmp tif tiff webp heic
heif svg ico thm lrv lrf mp3 m4a m4b aac wav flac opus oga mka wma aif aiff ac3 amr mks npy npz
pkl pickle pt pth ckpt h5 hdf5 mat parquet feather arrow safetensors onnx lmdb mdb db sqlite
tfrecord zip tar gz tgz bz2 xz zst 7z rar part ytdl crdownload download tmp temp aria2 torrent
md5 sha1 sha256 crc gpx lnk url dtd exe dll so bup ifo moi pgi cpi mpl bdm clpi mpls
"""
SUFFIXES, OTHER_SUFFIXES = frozenset(_VIDEOS.split()), frozenset(_OTHERS.split())
