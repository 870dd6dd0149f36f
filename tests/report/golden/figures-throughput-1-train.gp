# `gnuplot throughput-1-train.gp` here draws throughput-1-train.svg, .pdf and .png from throughput-1-train.dat. Change what you like.
name = 'throughput-1-train'
data = name.'.dat'
load 'style.gp'
emulated = ''
set label 901 'Throughput: train' at screen 0.02,0.96 left font title_font noenhanced
set label 902 'medians with 95 % intervals; n = 6 to 9 trials; host fixture-host; platform bare-metal; 2025-10-09' at screen 0.02,0.905 left font note_font tc rgb '#555555' noenhanced
set label 903 emulated eq '' ? '' : 'EMULATED' at graph 0.5,0.5 center rotate by 20 font watermark_font tc rgb '#E0E0E0' back
set ylabel 'throughput (img/s)'
set xlabel 'instances at once'
set xrange [0.5:7.5]
set xtics 1
set yrange [0:1010.75]
plot data index 0 using ($1-0.084):2 with lines lt 1 notitle, \
     data index 0 using ($1-0.084):2 with points lt 1 notitle, \
     data index 0 using ($1-0.084):2:3:4 with yerrorbars lt 1 dt 1 notitle, \
     keyentry with linespoints lt 1 title 'no partitions', \
     data index 1 using ($1+0.000):2 with lines lt 2 notitle, \
     data index 1 using ($1+0.000):2 with points lt 2 notitle, \
     data index 1 using ($1+0.000):2:3:4 with yerrorbars lt 2 dt 1 notitle, \
     keyentry with linespoints lt 2 title 'mps', \
     data index 2 using ($1+0.084):2 with lines lt 3 notitle, \
     data index 2 using ($1+0.084):2 with points lt 3 notitle, \
     data index 2 using ($1+0.084):2:3:4 with yerrorbars lt 3 dt 1 notitle, \
     keyentry with linespoints lt 3 title 'mig'
load 'save.gp'
