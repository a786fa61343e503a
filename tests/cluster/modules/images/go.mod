module capstan/cluster/images

go 1.26.0
