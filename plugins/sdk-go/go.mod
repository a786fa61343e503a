module capstan.dev/plugins/sdk-go

go 1.24
