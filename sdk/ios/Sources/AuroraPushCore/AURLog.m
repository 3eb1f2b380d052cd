#import "AURLogging.h"

static _Atomic(AURLogLevel) chosen = AURLogLevelInfo;
static AURLogHandler taker; // guarded by the class

@implementation AURLog

+ (AURLogLevel)level { return chosen; }

+ (void)setLevel:(AURLogLevel)level { chosen = level; }

+ (AURLogHandler)handler {
    @synchronized(self) {
        return taker;
    }
}

+ (void)setHandler:(AURLogHandler)handler {
    @synchronized(self) {
        taker = [handler copy];
    }
}

+ (void)write:(NSString *)text level:(AURLogLevel)level {
    if (level < chosen || level >= AURLogLevelSilent) return;
    NSString *line = [NSString stringWithFormat:@"AURORA | %c | %@", "VDIWE"[level], text];
    AURLogHandler handler = self.handler;
    if (handler != nil) handler(level, line);
    else NSLog(@"%@", line);
}

@end

void AURLogLine(AURLogLevel level, NSString *format, ...) {
    if (level < chosen) return;
    va_list values;
    va_start(values, format);
    NSString *text = [[NSString alloc] initWithFormat:format arguments:values];
    va_end(values);
    [AURLog write:text level:level];
}
