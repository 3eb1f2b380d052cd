#import "AURLogging.h"

static AURLogLevel chosen = AURLogLevelInfo; // guarded by the class, as is the handler
static AURLogHandler taker;

@implementation AURLog

+ (AURLogLevel)level {
    @synchronized(self) {
        return chosen;
    }
}

+ (void)setLevel:(AURLogLevel)level {
    @synchronized(self) {
        chosen = level;
    }
}

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
    if (level < self.level || level >= AURLogLevelSilent) return;
    NSString *line = [NSString stringWithFormat:@"AURORA | %c | %@", "VDIWE"[level], text];
    AURLogHandler handler = self.handler;
    if (handler != nil) handler(level, line);
    else NSLog(@"%@", line);
}

@end

void AURLogLine(AURLogLevel level, NSString *format, ...) {
    if (level < AURLog.level) return;
    va_list values;
    va_start(values, format);
    NSString *text = [[NSString alloc] initWithFormat:format arguments:values];
    va_end(values);
    [AURLog write:text level:level];
}
