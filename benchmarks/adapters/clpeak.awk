# SPDX-License-Identifier: MIT
# What clpeak prints, as numbers in base units: of each section the best of its widths. What the device cannot do is not there.
/Global memory bandwidth/ { name = "bandwidth"; scale = 1e9 }
/Half-precision compute/ { name = "fp16"; scale = 1e9 }
/Single-precision compute/ { name = "fp32"; scale = 1e9 }
/Double-precision compute/ { name = "fp64"; scale = 1e9 }
/Integer compute/ { name = /Fast/ ? "" : "int32"; scale = 1e9 }
/Transfer bandwidth/ { name = "" }
/enqueueWriteBuffer +:/ { best["to-device"] = $NF * 1e9 }
/enqueueReadBuffer +:/ { best["from-device"] = $NF * 1e9 }
/Kernel launch latency/ { best["launch"] = $(NF - 1) * 1e-6 }
/^ +(float|half|double|int)[0-9]* *:/ && name && $NF * scale > best[name] { best[name] = $NF * scale }
END {
	printf "{"
	for (one in best) { printf "%s\"%s\": %.6g", comma, one, best[one]; comma = ", " }
	print "}"
}
